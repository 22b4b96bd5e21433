# Removes the run directory $1 once nobody holds the other end of stdin: neither the process that made the directory nor
# any program that runs in it (see run_dir.rs).
trap '' INT TERM HUP
cat >/dev/null
rm -rf -- "$1"
