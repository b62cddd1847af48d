/* Prints the SHA-256 of the first 0, 1, 2 … N bytes 0, 7, 14 … (mod 256), added in two parts, one line each. */
#include <stdio.h>
#include <stdlib.h>
#include "../../packaging/launcher/sha256.h"

int main(int argc, char **argv) {
  static uint8_t data[4096];
  int most = argc > 1 ? atoi(argv[1]) : 0;
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(7 * i);
  for (int length = 0; length <= most && length <= (int)sizeof data; length++) {
    struct sha256 s;
    uint8_t digest[32];
    sha256_begin(&s);
    sha256_add(&s, data, (size_t)length / 3);
    sha256_add(&s, data + length / 3, (size_t)(length - length / 3));
    sha256_end(&s, digest);
    for (int i = 0; i < 32; i++) printf("%02x", digest[i]);
    puts("");
  }
}
