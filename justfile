# The same commands without `just`: `.ci/simulate` and `.ci/mutants`.

# Simulated runs of whole engines: `just simulate --minutes 30`
simulate *arguments:
    .ci/simulate {{arguments}}

# Every planted bug must be found by the simulator
mutants *arguments:
    .ci/mutants {{arguments}}
