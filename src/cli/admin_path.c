#include "cli/admin_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *admin_named_path(void)
{
    return variable("LIMPET_ADMIN");
}

const char *admin_default_path(char *buffer, size_t size)
{
    const char *named = admin_named_path(), *runtime = variable("XDG_RUNTIME_DIR");
    if (named)
        return named;
    if (geteuid() == 0)
        snprintf(buffer, size, "unix:/run/limpet/admin.sock");
    else if (runtime && runtime[0] == '/')
        snprintf(buffer, size, "unix:%s/limpet/admin.sock", runtime);
    else
        snprintf(buffer, size, "unix:/tmp/limpet-%u/admin.sock", (unsigned)geteuid());
    return buffer;
}
