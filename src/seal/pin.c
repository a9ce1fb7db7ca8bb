#include "seal/pin.h"

#include <errno.h>

static bool bind_to(struct binding *binding, const struct pin_scope *scope)
{
    if (scope->pool.length > PIN_SCOPE_MOST || scope->key.length > PIN_SCOPE_MOST)
        return false;
    binding_init(binding);
    binding_add_name(binding, scope->pool);
    binding_add_name(binding, scope->key);
    return true;
}

int pin_seal(const struct sealed_keys *keys, const struct pin_scope *scope, const struct sealed_content *content,
             uint8_t value[SEALED_MOST], size_t *length)
{
    struct binding binding;
    if (content->server_length > SEALED_SERVER_MOST || !bind_to(&binding, scope))
        return -E2BIG;
    *length = sealed_make(keys, binding_span(&binding), content, value);
    return 0;
}

bool pin_open(const struct sealed_keys *keys, const struct pin_scope *scope, struct span value,
              struct sealed_content *content)
{
    struct binding binding;
    return bind_to(&binding, scope) && sealed_open(keys, binding_span(&binding), value, content) < keys->count;
}
