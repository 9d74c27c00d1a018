# shellcheck shell=bash
# Sourced by the e2e tests behind tests/lib.sh: one xrat command and what is to be said of it. Works in $scratch.
cd "$scratch" || exit 2
export LC_ALL=C HOME=$scratch
unset XRAT_ROOT XP2P_CONFIG_ROOT XDG_CONFIG_HOME

# run WANTED-CODE ARGUMENTS...: leaves stdout and stderr in files of that name.
run() {
	local want=$1 code
	shift
	"$XRAT" "$@" >stdout 2>stderr
	code=$?
	if [ "$code" = "$want" ]; then pass; else fail "xrat $* ended with $code, expected $want: $(head -c 400 stderr)"; fi
}
says() { expect "stderr says '$1': $(head -c 300 stderr)" grep -qF -- "$1" stderr; }
prints() { expect "stdout has '$1': $(head -c 300 stdout)" grep -qF -- "$1" stdout; }
silent() { expect "$1 is empty: $(head -c 300 "$1")" test ! -s "$1"; }
json() { # checks stdout (or the named file) against the schema
	local file=${1:-stdout}
	if ! python3 -c 'import jsonschema' 2>/dev/null; then skip 'documents against their schema: no python3-jsonschema'; return; fi
	expect "$file is a document of the schema: $(head -c 300 "$file")" python3 - "$top/schemas/cli-output.schema.json" "$file" <<-'PY'
	import json, sys, jsonschema
	jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))
	PY
}
# has EXPRESSION [FILE]: a Python expression over the document d, for example d["result"]["changed"] is True.
has() {
	local file=${2:-stdout}
	expect "$1 holds of $(head -c 400 "$file")" python3 -c 'import json, sys
d = json.load(open(sys.argv[2]))
sys.exit(not eval(sys.argv[1], {"d": d}))' "$1" "$file"
}
# state_schema NAME FILE: a file of .state against schemas/state.schema.json; of a .log every line.
state_schema() {
	if ! python3 -c 'import jsonschema' 2>/dev/null; then skip 'files of .state against their schema: no python3-jsonschema'; return; fi
	expect "$2 is a $1 of the schema: $(head -c 300 "$2")" python3 - "$top/schemas/state.schema.json" "$1" "$2" <<-'PY'
	import json, sys, jsonschema
	schema = json.load(open(sys.argv[1]))
	schema["$ref"] = "#/definitions/" + sys.argv[2]
	text = open(sys.argv[3]).read()
	for one in text.splitlines() if sys.argv[3].endswith(".log") else [text]:
	    jsonschema.Draft7Validator(schema).validate(json.loads(one))
	PY
}
