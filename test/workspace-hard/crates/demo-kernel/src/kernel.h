/* Both are of the target's architecture: the number of a system call differs on each. */
#include <asm/ioctl.h>
#include <asm/unistd.h>

struct demo_request {
  unsigned int tag;
  unsigned int length;
};

enum {
  DEMO_GETPID = __NR_getpid,
  DEMO_REQUEST = _IOR('d', 1, struct demo_request),
};
