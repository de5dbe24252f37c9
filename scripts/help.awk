# The help of a Makefile from its own comments: `##@ Group`, `##@dev Group`, `verb: … ## text` and `#? NAME=default`.
# Prints the verbs of the user's groups, or with dev=1 the others and the knobs. With GOALS in the environment it prints
# what is wrong with the first of them instead, if anything: one that is neither a verb nor an artifact of dist/.

/^##@/ {
  group = $0
  sub(/^##@(dev)? /, "", group)
  wanted = (/^##@dev/ ? 1 : 0) == dev + 0
}
/^[a-z][a-z0-9-]*:.* ## / {
  verb = $0
  sub(/:.*/, "", verb)
  text = $0
  sub(/.* ## /, "", text)
  verbs[++verbCount] = verb
  if (!wanted) next
  lines[++lineCount] = sprintf("%-7s %-17s %s", group, verb, text)
  group = ""
}
/^#\? / { knobs[++knobCount] = substr($0, 4) }

END {
  if (ENVIRON["GOALS"] != "") {
    count = split(ENVIRON["GOALS"], goals, " ")
    for (i = 1; i <= count; i++) if (goals[i] !~ /^dist\/fastboop-stage0-[A-Za-z0-9._-]+$/) refuse(goals[i])
    exit
  }
  if (!dev) print "usage: make VERB [NAME=value …]   what one takes: make help TARGET=VERB   more verbs, knobs: make help-dev"
  for (i = 1; i <= lineCount; i++) print lines[i]
  if (!dev) exit
  line = "Knobs  "
  for (i = 1; i <= knobCount; i++) {
    if (length(line) + length(knobs[i]) + 1 > 100) { print line; line = "       " }
    line = line " " knobs[i]
  }
  print line
}

function refuse(goal,    i, near) {
  for (i = 1; length(goal) > 2 && i <= verbCount; i++)
    if (index(verbs[i], goal) || distance(goal, verbs[i]) <= 2) near = near (near ? ", " : "") verbs[i]
  gsub(/[^ -~]/, "?", goal)
  printf "there is no verb \"%s\"%s; make help lists the verbs. ", goal, near ? ", the nearest are " near : ""
  print "Files are named to the scripts, as in scripts/preflight.ts FILE, and dist/fastboop-stage0-TARGET to be built"
  exit
}

# How many letters have to be added, removed or replaced to get from one text to the other.
function distance(a, b,    i, j, d, replaced) {
  for (i = 0; i <= length(a); i++)
    for (j = 0; j <= length(b); j++) {
      if (i == 0 || j == 0) { d[i, j] = i + j; continue }
      replaced = d[i - 1, j - 1] + (substr(a, i, 1) != substr(b, j, 1))
      d[i, j] = least(replaced, least(d[i - 1, j], d[i, j - 1]) + 1)
    }
  return d[length(a), length(b)]
}
function least(a, b) { return a < b ? a : b }
