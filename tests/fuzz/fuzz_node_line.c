#include "pieces.h"
#include "worker/node_line.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Texts are ended, numbers are what they may be, the data that is sent back is one line, and an id is one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct node_line line;
    node_line_read(span_of(data, size), &line);
    CHECK(line.word <= NODE_SESSION_ENDED);
    CHECK(memchr(line.address, '\0', sizeof(line.address)));
    CHECK(memchr(line.type, '\0', sizeof(line.type)));
    CHECK(memchr(line.key, '\0', sizeof(line.key)));
    CHECK(memchr(line.data, '\0', sizeof(line.data)));
    bool session = line.word == NODE_SESSION || line.word == NODE_SESSION_ENDED;
    CHECK(session || !strchr(line.data, '\n'));
    CHECK(!session || (line.data[0] != '\0' && strlen(line.data) <= NODE_SESSION_MOST));
    return 0;
}
