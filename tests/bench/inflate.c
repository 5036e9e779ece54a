/* inflate.c - unpacks gzip files with libdeflate and forgets what they hold: the least that reading
 * packed logs can cost. Prints the bytes that came out. */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>

enum { PACKED_MAX = 64 << 20, PLAIN_MAX = 256 << 20 };

int main(int argc, char **argv)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    char *packed = malloc(PACKED_MAX), *plain = malloc(PLAIN_MAX);
    unsigned long long all = 0;

    if (!d || !packed || !plain)
        return 1;
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        size_t len, got = 0;

        if (!f)
            return 1;
        len = fread(packed, 1, PACKED_MAX, f);
        (void)fclose(f);
        if (libdeflate_gzip_decompress(d, packed, len, plain, PLAIN_MAX, &got) !=
            LIBDEFLATE_SUCCESS)
            return 1;
        all += got;
    }
    (void)printf("%llu\n", all);
    return 0;
}
