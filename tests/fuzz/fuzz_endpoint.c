#include "base/endpoint.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_endpoint(struct span text)
{
    struct endpoint e, again;
    char written[ENDPOINT_TEXT_SIZE];
    if (!endpoint_parse(text, &e))
        return;
    endpoint_text(&e, written);
    CHECK(endpoint_parse(span_text(written), &again) && endpoint_equal(&e, &again));
}

static void check_network(struct span text)
{
    struct network n;
    if (network_parse(text, &n) != NULL)
        return;
    struct endpoint first = endpoint_from_ip6(n.ip, 0);
    CHECK(n.bits <= 128 && (network_contains(&n, &first) || (n.bits < 96 && endpoint_is_ip4(&first))));
}

static void check_address(struct span text)
{
    struct address a, again;
    if (address_parse(text, &a) != NULL)
        return;
    CHECK(address_parse(span_text(a.text), &again) == NULL && strcmp(a.text, again.text) == 0);
    CHECK(a.length == again.length && memcmp(&a.storage, &again.storage, a.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size);
    check_endpoint(all);
    check_network(all);
    check_address(all);
    return 0;
}
