# Reads GradientBias's summary.json and fails unless every run of the decomposable loss reaches the optimum (L*/L at least 0.99
# without noise and at σ = 1, 0.985 at σ = 2) and every run of InfoNCE stays at or below 0.95.
/"bias"|"settings"/ { inRuns = 0 }
/"loss":/ { loss = ($0 ~ /gamma/) ? "gamma" : "infonce" }
/"noise":/ { split($0, part, /[:,]/); noise = part[2] + 0 }
/"runs": \[/ { inRuns = 1; next }
/\]/ { inRuns = 0 }
inRuns {
    value = $1 + 0; runs++
    if (loss == "gamma" && value < (noise == 2 ? 0.985 : 0.99)) { print "gamma at noise " noise " reached only " value; bad = 1 }
    if (loss == "infonce" && value > 0.95) { print "InfoNCE at noise " noise " reached " value; bad = 1 }
}
END {
    if (runs < 60) { print "only " runs + 0 " runs found"; bad = 1 }
    if (!bad) print "GradientBias: all " runs " runs as they must be"
    exit bad
}
