# Prints the help of a Makefile from its own comments: `##@ Group`, `target: … ## text` and `#? NAME=default`.
BEGIN { print "usage: make VERB [NAME=value …]    details: make help TARGET=VERB, or TARGET=knobs" }
/^##@ / { group = substr($0, 5) }
/^[a-z][a-z0-9-]*:.*## / {
  name = $0; sub(/:.*/, "", name)
  text = $0; sub(/.*## /, "", text)
  printf "%-9s %-17s %s\n", group, name, text
  group = ""
}
/^#\? / { knobs[++count] = substr($0, 4) }
END {
  line = "Knobs    "
  for (i = 1; i <= count; i++) {
    if (length(line) + length(knobs[i]) + 1 > 100) { print line; line = "         " }
    line = line " " knobs[i]
  }
  print line
}
