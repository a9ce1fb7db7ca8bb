#ifndef LIMPET_CONTROL_BUNDLE_H
#define LIMPET_CONTROL_BUNDLE_H

/* The engine opens no files. What the keeper read to check the configuration goes to the engine as one sealed piece of
 * memory: every file with its path and text. So both see the same bytes, whatever happens on disk in the meantime, and an
 * engine that is started again years later still gets what was checked. */

#include "base/attr.h"
#include "base/span.h"

#include <stddef.h>

struct bundle_file {
    const char *path;
    struct span text;
};

/* Returns a descriptor or a negative errno. */
MUST_CHECK int bundle_pack(const struct bundle_file *files, size_t count);

struct bundle {
    const uint8_t *bytes;
    size_t length;
};

/* Maps a packed bundle; the descriptor is closed. 0 or a negative errno. */
MUST_CHECK int bundle_open(struct bundle *bundle, int fd);
void bundle_close(struct bundle *bundle);

/* As conf_files.read: `context` is the bundle. -ENOENT for a file that is not in it. */
int bundle_read(void *context, const char *path, struct span *text);

#endif
