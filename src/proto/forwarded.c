#include "proto/forwarded.h"

#include "base/attr.h"

/* Takes what stands behind position `start` off the list, with the comma in front of it. */
static struct span take_from(struct span *list, size_t start)
{
    struct span element = span_part(*list, start, list->length - start);
    list->length = start > 0 ? start - 1 : 0;
    return span_trim(element);
}

enum forwarded_verdict x_forwarded_for_last(struct span *list, struct endpoint *address)
{
    while (list->length > 0) {
        const uint8_t *comma = memrchr(list->data, ',', list->length);
        struct span element = take_from(list, comma != NULL ? (size_t)(comma + 1 - list->data) : 0);
        if (element.length > 0)
            return endpoint_parse(element, address) ? FORWARDED_ADDRESS : FORWARDED_OPAQUE;
    }
    return FORWARDED_END;
}

static bool is_escaped(struct span list, size_t at)
{
    size_t start = at;
    while (start > 0 && list.data[start - 1] == '\\')
        start--;
    return (at - start) % 2 == 1;
}

/* Where the last element begins. Read from the right, so that a quotation mark left open by whoever wrote first
 * swallows nothing of what the nearest proxy wrote. */
static size_t last_element(struct span list)
{
    bool quoted = false;
    size_t at = list.length;
    for (; at > 0; at--) {
        uint8_t byte = list.data[at - 1];
        if (byte == '"' && !(quoted && is_escaped(list, at - 1)))
            quoted = !quoted;
        else if (byte == ',' && !quoted)
            break;
    }
    return at;
}

/* A value without its quotes and escapes: an address with its port, of the longest form. */
struct node {
    uint8_t bytes[ENDPOINT_TEXT_SIZE];
    size_t length;
    bool cut;
};

static void node_add(struct node *node, uint8_t byte)
{
    node->cut |= node->length == sizeof(node->bytes);
    if (!node->cut)
        node->bytes[node->length++] = byte;
}

/* Takes a quoted string (RFC 9110 section 5.6.4) off the front, and the spaces behind it. */
static bool take_quoted(struct span *rest, struct node *value)
{
    size_t at = 1;
    for (; at < rest->length && rest->data[at] != '"'; at++) {
        if (rest->data[at] == '\\' && ++at == rest->length)
            return false;
        node_add(value, rest->data[at]);
    }
    if (at >= rest->length)
        return false;
    *rest = span_trim(span_part(*rest, at + 1, rest->length - at - 1));
    return true;
}

static bool take_plain(struct span *rest, struct node *value)
{
    size_t at = 0;
    for (; at < rest->length && rest->data[at] != ';'; at++) {
        if (rest->data[at] == '"')
            return false;
        node_add(value, rest->data[at]);
    }
    *rest = span_part(*rest, at, rest->length - at);
    return true;
}

/* Takes "name=value" off the front of an element, with the semicolon behind it. False if it is malformed. */
static bool take_pair(struct span *rest, struct span *name, struct node *value)
{
    size_t at = 0;
    while (at < rest->length && rest->data[at] != '=' && rest->data[at] != ';')
        at++;
    *name = span_trim(span_part(*rest, 0, at));
    *value = (struct node){.length = 0};
    *rest = span_part(*rest, at, rest->length - at);
    if (rest->length > 0 && rest->data[0] == '=') {
        *rest = span_part(*rest, 1, rest->length - 1);
        bool quoted = rest->length > 0 && rest->data[0] == '"';
        if (!(quoted ? take_quoted(rest, value) : take_plain(rest, value)))
            return false;
    } else if (name->length > 0) {
        return false;
    }
    if (rest->length == 0)
        return true;
    bool separated = rest->data[0] == ';';
    *rest = span_part(*rest, 1, rest->length - 1);
    return separated;
}

/* RFC 7239 section 6: an address, perhaps with a port, which may be a made-up word ("_gazonk"). IPv6 addresses and
 * ports belong in quotes, but are understood without. */
static bool parse_node(struct span node, struct endpoint *address)
{
    const uint8_t *colon = node.length > 0 ? memrchr(node.data, ':', node.length) : NULL;
    if (colon != NULL && colon + 1 < node.data + node.length && colon[1] == '_')
        node.length = (size_t)(colon - node.data);
    return endpoint_parse(node, address);
}

static bool parse_element(struct span element, struct endpoint *address)
{
    struct span name;
    struct node value, found = {.length = 0};
    unsigned count = 0;
    while (element.length > 0) {
        if (!take_pair(&element, &name, &value))
            return false;
        if (span_equal_nocase(name, span_text("for"))) {
            found = value;
            count++;
        }
    }
    return count == 1 && !found.cut && parse_node(span_trim(span_of(found.bytes, found.length)), address);
}

enum forwarded_verdict forwarded_last(struct span *list, struct endpoint *address)
{
    while (list->length > 0) {
        struct span element = take_from(list, last_element(*list));
        if (element.length > 0)
            return parse_element(element, address) ? FORWARDED_ADDRESS : FORWARDED_OPAQUE;
    }
    return FORWARDED_END;
}
