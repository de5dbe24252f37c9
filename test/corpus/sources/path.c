#include <stdio.h>

int main(void) {
  puts("/home/builder/project/main.rs and /root/.cargo/registry/lib.rs and /Users/builder/x.rs");
  return 0;
}
