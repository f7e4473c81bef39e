# The same commands without `just`: `.ci/simulate`, `.ci/mutants`, `.ci/fuzz` and `.ci/miri`.

# Simulated runs of whole engines: `just simulate --minutes 30`
simulate *arguments:
    .ci/simulate {{arguments}}

# Every planted bug must be found by the simulator
mutants *arguments:
    .ci/mutants {{arguments}}

# Fuzzing, of all targets or one: `just fuzz http --minutes 5`
fuzz *arguments:
    .ci/fuzz {{arguments}}

# The tests of what threads share and of the codec, under Miri
miri:
    .ci/miri
