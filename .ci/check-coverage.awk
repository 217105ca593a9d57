# Reads ReportGenerator's summary of src, in JSON with a line for each class; prints the coverage of each library and of the
# whole, and fails below the branch coverage in minimum, in percent.
function number(key) {
    return match($0, "\"" key "\": [0-9]+") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4) + 0 : 0
}
function add(library) {
    lines[library] += number("coverablelines"); coveredLines[library] += number("coveredlines")
    branches[library] += number("totalbranches"); coveredBranches[library] += number("coveredbranches")
}
function share(part, whole) { return whole == 0 ? 100 : 100 * part / whole }
function show(library) {
    printf "%-24s %8.2f %% of %5d lines %8.2f %% of %5d branches\n", library, share(coveredLines[library], lines[library]), \
        lines[library], share(coveredBranches[library], branches[library]), branches[library]
}
/"name": "Contrastive\./ {
    if (/"Contrastive\.Modality\./) library = "Contrastive.Modality"
    else if (/"Contrastive\.Training\./) library = "Contrastive.Training"
    else if (/"Contrastive\.Evaluation\./) library = "Contrastive.Evaluation"
    else if (/"Contrastive\.Distributed\./) library = "Contrastive.Distributed"
    else if (/"Contrastive\.Numerics\./) library = "src/Shared"
    else library = "Contrastive"
    add(library); add("src")
}
END {
    count = split("Contrastive Contrastive.Training Contrastive.Modality Contrastive.Evaluation Contrastive.Distributed src/Shared src", libraries, " ")
    for (i = 1; i <= count; i++) {
        if (lines[libraries[i]] == 0) { print "no class of " libraries[i] " was measured"; bad = 1 }
        show(libraries[i])
    }
    if (share(coveredBranches["src"], branches["src"]) < minimum) { print "asked for: " minimum " % of the branches"; bad = 1 }
    exit bad
}
