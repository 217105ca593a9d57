# Reads the benchmarks' result file, in cases the names of all cases, and fails unless it is JSON of exactly the promised shape
# with every case once.
BEGIN {
    number = "[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?"
    optional = "(null|" number ")"
    entry = "^\\{\"name\":\"[a-z0-9-]+\",\"batch\":[0-9]+,\"dim\":[0-9]+,\"median_ms\":" number ",\"floor_ms\":" optional \
        ",\"plain_ms\":" optional ",\"peak_mb\":" optional "\\}"
}
{ text = text $0 }
END {
    if (sub(/^\{"cases":\[/, "", text) == 0 || sub(/\]\}$/, "", text) == 0) { print "not a list of cases"; exit 1 }
    while (match(text, entry)) {
        split(substr(text, 1, RLENGTH), part, "\"")
        seen[part[4]]++
        text = substr(text, RLENGTH + 1)
        if (sub(/^,/, "", text) == 0) break
    }
    if (text != "") { print "unexpected: " substr(text, 1, 200); exit 1 }
    count = split(cases, names, " ")
    for (i = 1; i <= count; i++) if (seen[names[i]] != 1) { print names[i] " is there " seen[names[i]] + 0 " times"; bad = 1 }
    for (name in seen) found++
    if (count == 0 || found != count) { print found + 0 " cases instead of " count; bad = 1 }
    if (!bad) print "benchmarks: all " count " cases in the result file"
    exit bad
}
