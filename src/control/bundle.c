#include "control/bundle.h"

#include "control/powers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file in the bundle: this, the path, the text; no padding, so it is copied out rather than pointed to. */
struct entry {
    uint64_t path_length;
    uint64_t text_length;
};

static uint8_t *append(uint8_t *at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(at, bytes, length);
    return at + length;
}

int bundle_pack(const struct bundle_file *files, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += sizeof(struct entry) + strlen(files[i].path) + files[i].text.length;
    uint8_t *bytes = malloc(length > 0 ? length : 1);
    if (!bytes)
        return -ENOMEM;
    uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        struct entry entry = {strlen(files[i].path), files[i].text.length};
        at = append(at, &entry, sizeof(entry));
        at = append(at, files[i].path, entry.path_length);
        at = append(at, files[i].text.data, entry.text_length);
    }
    int fd = powers_sealed_memory(bytes, length);
    free(bytes);
    return fd;
}

int bundle_open(struct bundle *bundle, int fd)
{
    *bundle = (struct bundle){0};
    struct stat found;
    int failure = fstat(fd, &found) < 0 ? -errno : 0;
    if (!failure && found.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            failure = -errno;
        else
            *bundle = (struct bundle){bytes, (size_t)found.st_size};
    }
    close(fd);
    return failure;
}

void bundle_close(struct bundle *bundle)
{
    if (bundle->bytes)
        munmap((void *)(uintptr_t)bundle->bytes, bundle->length);
    *bundle = (struct bundle){0};
}

int bundle_read(void *context, const char *path, struct span *text)
{
    const struct bundle *bundle = context;
    for (size_t at = 0; at < bundle->length;) {
        struct entry entry;
        memcpy(&entry, bundle->bytes + at, sizeof(entry));
        at += sizeof(entry);
        struct span name = span_of(bundle->bytes + at, entry.path_length);
        *text = span_of(name.data + name.length, entry.text_length);
        if (span_equal(name, span_text(path)))
            return 0;
        at += entry.path_length + entry.text_length;
    }
    return -ENOENT;
}
