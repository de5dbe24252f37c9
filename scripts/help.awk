# Prints the help of a Makefile from its own comments: `##@ Heading`, `target: … ## text` and `#? NAME=default`.
BEGIN { print "usage: make VERB [NAME=value …]      details: make help TARGET=VERB, or TARGET=knobs" }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z][a-z0-9-]*:.*## / {
  name = $0; sub(/:.*/, "", name)
  text = $0; sub(/.*## /, "", text)
  printf "  %-18s %s\n", name, text
}
/^#\? / { knobs[++count] = substr($0, 4) }
END {
  print "\nKnobs, set on the command line or in the environment, with their defaults"
  line = " "
  for (i = 1; i <= count; i++) {
    if (length(line) + length(knobs[i]) + 2 > 110) { print line; line = " " }
    line = line " " knobs[i] " "
  }
  if (line != " ") print line
}
