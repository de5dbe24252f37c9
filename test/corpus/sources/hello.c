#include <stdio.h>

/* Thread-local storage, so that the file has a PT_TLS and its start code has to find it. */
static __thread int answer = 42;

int main(void) {
  return printf("%d\n", answer) == 3 ? 0 : 1;
}
