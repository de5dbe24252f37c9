#include <stdint.h>
#include <string.h>

/* The headers and strlen are the target's C library's. */
uint32_t demo_checksum(const char *text) {
  uint32_t sum = 0;
  for (size_t at = 0, length = strlen(text); at < length; at++) sum = sum * 31 + (unsigned char)text[at];
  return sum;
}
