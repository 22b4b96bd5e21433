# Runs one program that must not outlive whoever started this shell.
#
# stdin   the lifeline: a pipe whose other end is held by the process that started this. When that process closes it, or
#         ends in any way (kill -9 included), the pipe closes, and the program is asked to end, then made to.
# stdout  the run directory's pipe: held open for as long as anything started here lives (see run_dir.rs).
# $1      seconds between asking and making; $2 the log file; the rest is the program and its arguments.
#
# The shell leads a process group of its own, so that Ctrl-C at the terminal reaches only the process that started it.
exec 3<&0 9>&1
grace=$1 log=$2
shift 2

"$@" </dev/null >>"$log" 2>&1 3<&- &
program=$!

closing=
trap closing=1 USR1
trap 'kill -s TERM "$program"' TERM INT HUP

(
    trap '' TERM INT HUP
    read -r _ <&3
    kill -s USR1 "$$"
    kill -s TERM "$program"
    tenths=$((grace * 10))
    while [ "$tenths" -gt 0 ] && kill -0 "$program"; do
        sleep 0.1
        tenths=$((tenths - 1))
    done
    kill -s KILL -- "-$$"
) 2>/dev/null &
watcher=$!

while :; do
    wait "$program"
    status=$?
    kill -0 "$program" 2>/dev/null || break
done
# What the program itself had started ends with it.
[ -z "$closing" ] || kill -s KILL -- "-$$"
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
