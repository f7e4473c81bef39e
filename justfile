# The same commands without `just`: the scripts in `.ci`.

# Simulated runs of whole engines: `just simulate --minutes 30`
simulate *arguments:
    .ci/simulate {{arguments}}

# Every planted bug must be found by the simulator
mutants *arguments:
    .ci/mutants {{arguments}}

# Kills the real program again and again: `just crash --kills 1000 --store mongodb`
crash *arguments:
    .ci/crash {{arguments}}

# An engine under an even load for long: `just soak --minutes 30`
soak *arguments:
    .ci/soak {{arguments}}

# Fuzzing, of all targets or one: `just fuzz http --minutes 5`
fuzz *arguments:
    .ci/fuzz {{arguments}}

# Every loom model, and every planted bug that they must find, or those of one name: `just loom permits`
loom *arguments:
    .ci/loom {{arguments}}

# The tests of what threads share and of the codec, under Miri
miri:
    .ci/miri
