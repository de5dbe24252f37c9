#include <stdio.h>

/* A function that is chosen when the program starts, by a relocation of its own type. */
static int one(void) { return 1; }
static int (*choose(void))(void) { return one; }
int number(void) __attribute__((ifunc("choose")));

int main(void) {
  return printf("%d\n", number()) == 2 ? 0 : 1;
}
