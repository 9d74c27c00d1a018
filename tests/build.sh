#!/usr/bin/env bash
# Builds the program, the tests and the generator of one variant: one pass a thing that came to be.
#   tests/build.sh VARIANT
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 2
for goal in all tests; do
	expect "make VARIANT=$1 $goal" make -s -k -j "${JOBS:-2}" VARIANT="$1" "$goal"
done
again=$(make VARIANT="$1" all tests 2>&1)
expect "a second make is silent, but said: $again" [ -z "$again" ]
finish build
