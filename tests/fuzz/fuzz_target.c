#include "pieces.h"
#include "proto/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct span target)
{
    struct span host = target_host(target), path = target_path(target), query = target_query(target);
    CHECK(span_is_inside(host, target) && span_is_inside(query, target));
    /* The path of "http://host" is a "/" of its own. */
    CHECK(span_is_inside(path, target) || span_equal(path, span_text("/")));
    CHECK(path.data == NULL || path.data[0] == '/');
    CHECK(query.data == NULL || path.data != NULL);
    /* Every form has a path or a host, but "*". */
    CHECK(host.data != NULL || path.data != NULL || span_equal(target, span_text("*")));
    CHECK(host.data == NULL || host_is_valid(host));
    /* What it says itself fits, however it is written. */
    CHECK(host.data == NULL || target_fits_host(target, host));
}

static void check_host(struct span text)
{
    struct span name = host_without_port(text);
    CHECK(span_is_inside(name, text) && name.length <= text.length && name.data == text.data);
    if (!host_is_valid(text))
        return;
    CHECK(host_is_valid(name) && span_equal(host_without_port(name), name));
    CHECK(memchr(text.data, '@', text.length) == NULL && memchr(text.data, '/', text.length) == NULL &&
          memchr(text.data, ',', text.length) == NULL);
}

/* The first line is a target, what is behind it a Host. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "OPTIONS", "CONNECT"};
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t length = end != NULL ? (size_t)(end - data) : size;
    struct span target = span_of(data, length);
    struct span host = end != NULL ? span_of(end + 1, size - length - 1) : span_of(data, 0);
    check_host(host);
    check_host(target);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && length > 0; i++) {
        if (target_judge(span_text(methods[i]), target) != NULL)
            continue;
        check_parts(target);
        if (target_fits_host(target, host) && target.data[0] != '/' && target_path(target).data != NULL)
            CHECK(span_equal_nocase(host_without_port(host), host_without_port(target_host(target))));
    }
    return 0;
}
