#include "conf/read.h"

#include "base/text.h"
#include "conf/suggest.h"
#include "conf/values.h"

#include <errno.h>
#include <unistd.h>

static void *member(const struct schema_row *row, void *target)
{
    return (char *)target + row->offset;
}

void read_wrong_type(struct build *b, const struct schema_row *row, const struct node *value)
{
    const char *shape = strncmp(row->type, "a map", 5) == 0 ? "{KEY: VALUE}" : "VALUE";
    report_error(b->report, value->at, arena_format(b->arena, "write it as `%s: %s`", row->key, shape),
                 "`%s` wants %s, but this is %s", row->key, row->type, node_kind_name(value));
}

bool read_is_text(struct build *b, const struct schema_row *row, const struct node *value)
{
    if (value->kind != NODE_TEXT)
        read_wrong_type(b, row, value);
    return value->kind == NODE_TEXT;
}

const char *read_near_word(struct build *b, struct span word, const char *const *words)
{
    struct suggest s;
    if (report_is_full(b->report))
        return NULL;
    suggest_init(&s, word);
    for (size_t i = 0; words[i]; i++)
        suggest_try(&s, words[i]);
    return s.best ? arena_format(b->arena, "did you mean `%s`?", s.best) : NULL;
}

static const char *duration_help(struct build *b, struct span text, enum value_fault fault)
{
    if (fault == VALUE_NO_UNIT && text.length < 10)
        return arena_format(b->arena, "write %.*ss or %.*sms", (int)text.length, text.data, (int)text.length,
                            text.data);
    return "write a number and its unit, without a space: 250ms, 5s, 2m, 1h or 7d";
}

void read_duration(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    micros *duration = member(row, target);
    if (!read_is_text(b, row, value))
        return;
    enum value_fault fault = values_duration(value->text, duration);
    if (fault == VALUE_FINE && *duration > 0)
        return;
    const char *wrong = fault == VALUE_FINE ? "a wait of nothing" : values_fault_text(fault);
    report_error(b->report, value->at, duration_help(b, value->text, fault), "%s is no duration: %s",
                 report_quote(b->report, value->text), wrong);
}

static bool number_in_range(struct build *b, const struct schema_row *row, const struct node *value, uint64_t *number)
{
    if (!read_is_text(b, row, value))
        return false;
    enum value_fault fault = values_number(value->text, number);
    if (fault == VALUE_FINE && *number >= row->least && *number <= row->most)
        return true;
    const char *wrong = fault == VALUE_FINE ? "out of range" : values_fault_text(fault);
    report_error(b->report, value->at,
                 arena_format(b->arena, "`%s` is a whole number from %llu to %llu", row->key,
                              (unsigned long long)row->least, (unsigned long long)row->most),
                 "%s: %s", report_quote(b->report, value->text), wrong);
    return false;
}

void read_number(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    uint64_t number;
    if (number_in_range(b, row, value, &number))
        *(uint32_t *)member(row, target) = (uint32_t)number;
}

void read_weight(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    uint64_t number;
    if (number_in_range(b, row, value, &number))
        *(uint16_t *)member(row, target) = (uint16_t)number;
}

void read_big_number(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    uint64_t number;
    if (number_in_range(b, row, value, &number))
        *(uint64_t *)member(row, target) = number;
}

void read_size(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    uint64_t bytes = 0;
    if (!read_is_text(b, row, value))
        return;
    enum value_fault fault = node_is(value, "0") ? VALUE_FINE : values_size(value->text, &bytes);
    if (fault == VALUE_FINE && row->most > 0 && (bytes < row->least || bytes > row->most))
        report_error(b->report, value->at,
                     arena_format(b->arena, "`%s` is a size from %lluKiB to %lluKiB", row->key,
                                  (unsigned long long)row->least >> 10, (unsigned long long)row->most >> 10),
                     "%s: out of range", report_quote(b->report, value->text));
    else if (fault == VALUE_FINE)
        *(uint64_t *)member(row, target) = bytes;
    else
        report_error(b->report, value->at, "write a number and its unit, without a space: 0, 512KiB, 16MiB or 1GiB",
                     "%s is no size: %s", report_quote(b->report, value->text), values_fault_text(fault));
}

void read_flag(struct build *b, const struct schema_row *row, const struct node *value, bool *flag)
{
    if (read_is_text(b, row, value) && !values_boolean(value->text, flag))
        report_error(b->report, value->at, "write true or false", "%s is neither true nor false",
                     report_quote(b->report, value->text));
}

void read_boolean(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    read_flag(b, row, value, member(row, target));
}

void read_word(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (!read_is_text(b, row, value))
        return;
    for (unsigned i = 0; row->words[i]; i++)
        if (node_is(value, row->words[i])) {
            *(unsigned *)member(row, target) = i; /* an enum without negative values is an unsigned */
            return;
        }
    const char *near = read_near_word(b, value->text, row->words);
    report_error(b->report, value->at, near ? near : arena_format(b->arena, "write %s", row->type),
                 "%s is no word for `%s`", report_quote(b->report, value->text), row->key);
}

static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return true;
}

void read_text(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (!read_is_text(b, row, value))
        return;
    if (value->text.length == 0 || !is_printable(value->text)) {
        report_error(b->report, value->at, "write printable text", "`%s` is empty or has control characters", row->key);
        return;
    }
    *(const char **)member(row, target) = arena_text(b->arena, value->text);
}

/* Where the configuration's relative paths lead in the whole tree, so that they hold wherever the process works. */
static const char *absolute(struct build *b, const char *path)
{
    char here[4096];
    if (path[0] == '/' || !getcwd(here, sizeof(here)))
        return path;
    return arena_format(b->arena, "%s/%s", here, path);
}

const char *read_path(struct build *b, struct span path)
{
    bool from_root = path.length > 0 && path.data[0] == '/';
    return arena_format(b->arena, "%s%.*s", from_root ? "" : b->directory, (int)path.length, path.data);
}

const char *read_absolute_path(struct build *b, struct span path)
{
    return absolute(b, read_path(b, path));
}

const char *read_failure_text(int failure)
{
    return failure == -ENXIO ? "it is no file, but a FIFO, a device or a socket" : strerror(-failure);
}

static bool take_file(struct build *b, const struct node *value, const char *path, int failure, size_t most,
                      struct span *text)
{
    if (failure == -EPERM) {
        report_error(b->report, value->at, arena_format(b->arena, "chmod 600 %s", path),
                     "others may read or change `%s`", path);
    } else if (failure < 0) {
        report_error(b->report, value->at, "is the path right? Relative ones start at the directory of this file",
                     "cannot read `%s`: %s", path, read_failure_text(failure));
    } else if (text->length > most) {
        report_error(b->report, value->at, "name a smaller file", "`%s` has more than %zu KiB", path, most >> 10);
    } else {
        size_t length = text->length;
        *text = span_of(arena_text(b->arena, *text), length);
        return true;
    }
    return false;
}

bool read_file(struct build *b, const struct node *value, struct span path, size_t most, struct span *text)
{
    const char *resolved = read_path(b, path);
    int failure = b->files->read(b->files->context, resolved, text);
    return take_file(b, value, resolved, failure, most, text);
}

bool read_secret_file(struct build *b, const struct node *value, struct span path, size_t most, struct span *text)
{
    const struct conf_files *files = b->files;
    const char *resolved = read_path(b, path);
    int failure = (files->read_secret ? files->read_secret : files->read)(files->context, resolved, text);
    if (failure != -ENOENT)
        return take_file(b, value, resolved, failure, most, text);
    report_error(b->report, value->at, arena_format(b->arena, "make it with `limpet secret --append %s`", resolved),
                 "there is no file `%s`", resolved);
    return false;
}

bool read_is_field_value(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] == 0x7f)
            return false;
    return span_trim(text).length == text.length;
}

/* The word that was meant where the name of a file is nearly one; null for other names. */
static const char *meant_target(struct span name, bool is_access)
{
    static const struct {
        const char *word;
        const char *meaning;
    } words[] = {
        {"stdout", "stdout"}, {"stderr", "stderr"}, {"on", "stdout"}, {"true", "stdout"},
        {"off", "off"},       {"none", "off"},      {"no", "off"},    {"false", "off"},
    };
    const char *meant = NULL;
    struct suggest s;
    suggest_init(&s, name);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        size_t before = s.distance;
        suggest_try(&s, words[i].word);
        if (s.distance < before)
            meant = words[i].meaning;
    }
    return meant && !is_access ? "stderr" : meant;
}

static void warn_of_target(struct build *b, const struct node *value, bool is_access)
{
    const char *meant = meant_target(value->text, is_access);
    if (meant)
        report_warning(b->report, value->at,
                       arena_format(b->arena, "did you mean `%s`? If not, write `./%.*s`", meant,
                                    (int)value->text.length, value->text.data),
                       "%s is taken for the name of a file", report_quote(b->report, value->text));
}

void read_log_target(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    const char **path = member(row, target);
    bool is_access = strcmp(row->key, "access") == 0;
    if (!read_is_text(b, row, value))
        return;
    if (node_is(value, "stderr") || (is_access && (node_is(value, "stdout") || node_is(value, "off")))) {
        *path = arena_text(b->arena, value->text);
        return;
    }
    if (!is_access && (node_is(value, "stdout") || node_is(value, "off"))) {
        report_error(b->report, value->at, "write stderr, or a path", "errors do not go to %s",
                     report_quote(b->report, value->text));
        return;
    }
    if (value->text.length == 0 || value->text.length > 4000 || !is_printable(value->text)) {
        report_error(b->report, value->at, "write a path of at most 4000 printable characters", "this is no path");
        return;
    }
    warn_of_target(b, value, is_access);
    *path = read_absolute_path(b, value->text);
}

static bool has_letters(struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        uint8_t lower = byte_lower(host.data[i]);
        if ((lower >= 'a' && lower <= 'z') || host.data[i] >= 0x80)
            return true;
    }
    return false;
}

static bool is_all_digits(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.length > 0;
}

static bool is_ip6(struct span text)
{
    struct address a;
    char bracketed[ADDRESS_TEXT_SIZE];
    struct text t;
    text_init(&t, bracketed, sizeof(bracketed));
    text_add_format(&t, "[%.*s]:80", (int)text.length, text.length > 0 ? (const char *)text.data : "");
    return !t.cut && !address_parse(span_text(bracketed), &a);
}

/* ::1:80 may be an address, or an address and a port. */
static const char *ip6_help(struct build *b, struct span text, struct span host, struct span port)
{
    if (is_ip6(host) && is_all_digits(port))
        return arena_format(b->arena, "write `[%.*s]:%.*s` if %.*s is the port, else `[%.*s]:PORT`", (int)host.length,
                            host.data, (int)port.length, port.data, (int)port.length, port.data, (int)text.length,
                            text.data);
    return arena_format(b->arena, "write `[%.*s]:PORT`", (int)text.length, text.data);
}

/* With a colon: `host` and `port` are what it parts. */
static const char *host_help(struct build *b, struct span host, struct span port, const char **wrong)
{
    if (host.length == 1 && host.data[0] == '*')
        return arena_format(b->arena, "for all addresses write `:%.*s`", (int)port.length, port.data);
    if (has_letters(host) && !memchr(host.data, ':', host.length)) {
        *wrong = "names are not looked up in this version";
        return arena_format(b->arena, "write the numeric address; `getent hosts %.*s` shows it", (int)host.length,
                            host.data);
    }
    if (strstr(*wrong, "port is no number"))
        return "write HOST:PORT, such as 127.0.0.1:8080";
    if (!memchr(host.data ? host.data : (const uint8_t *)"", ':', host.length))
        return "an IPv4 address is four numbers from 0 to 255, without leading zeros";
    return "an address is HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH";
}

/* Says more about a wrong address than that it is wrong. */
static const char *address_help(struct build *b, struct span text, bool to_bind, const char **wrong)
{
    bool is_socket = text.length >= 5 && memcmp(text.data, "unix:", 5) == 0;
    if (is_socket || text.length == 0 || text.length > ADDRESS_TEXT_SIZE)
        return is_socket ? "write unix:PATH, with a path of 1 to 107 bytes"
                         : "write HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH";
    if (memmem(text.data, text.length, "://", 3)) {
        *wrong = "an address is not a URL";
        return "write HOST:PORT alone";
    }
    if (text.data[0] == '/') {
        *wrong = "the path of a Unix socket begins with `unix:`";
        return arena_format(b->arena, "write `unix:%.*s`", (int)text.length, text.data);
    }
    if (is_all_digits(text)) {
        *wrong = "the host is missing";
        return arena_format(b->arena,
                            to_bind ? "write `:%.*s` for all addresses, or HOST:%.*s"
                                    : "write `127.0.0.1:%.*s` for this machine, or HOST:%.*s",
                            (int)text.length, text.data, (int)text.length, text.data);
    }
    const uint8_t *colon = memrchr(text.data, ':', text.length);
    if (!colon || text.data[text.length - 1] == ']')
        return arena_format(b->arena, "write `%.*s:PORT`", (int)text.length, text.data);
    struct span host = span_part(text, 0, (size_t)(colon - text.data));
    struct span port = span_part(text, host.length + 1, text.length - host.length - 1);
    return is_ip6(text) ? ip6_help(b, text, host, port) : host_help(b, host, port, wrong);
}

static bool is_anywhere(const struct address *a)
{
    static const uint8_t any[16];
    struct endpoint e = endpoint_from_sockaddr((const struct sockaddr *)&a->storage);
    return e.kind == ENDPOINT_IP &&
           (memcmp(e.ip, any, sizeof(any)) == 0 || (endpoint_is_ip4(&e) && memcmp(e.ip + 12, any, 4) == 0));
}

/* What is an address, but cannot be connected to, or not be found by any client. */
static bool can_be_reached(struct build *b, const struct node *value, bool to_bind, const struct address *a)
{
    if (address_is_unix(a))
        return true;
    if (!to_bind && is_anywhere(a))
        report_error(b->report, value->at,
                     arena_format(b->arena, "write `127.0.0.1:%u` for this machine", address_port(a)),
                     "%s says where to listen, not where to connect to", report_quote(b->report, value->text));
    else if (address_port(a) == 0)
        report_error(b->report, value->at, "write a port from 1 to 65535", "nothing can be reached at port 0");
    else
        return true;
    return false;
}

/* A relative path of a Unix socket starts at the file's directory, and the whole path is its identity. */
static struct span socket_path(struct build *b, struct span text)
{
    const size_t scheme = strlen("unix:");
    if (text.length <= scheme || memcmp(text.data, "unix:", scheme) != 0)
        return text;
    const char *path = read_path(b, span_part(text, scheme, text.length - scheme));
    return span_text(arena_format(b->arena, "unix:%s", absolute(b, path)));
}

bool read_address(struct build *b, const struct node *value, bool to_bind, struct address *address)
{
    if (value->kind != NODE_TEXT) {
        report_error(b->report, value->at, "write one address in quotes: \"HOST:PORT\"",
                     "an address is wanted here, but this is %s", node_kind_name(value));
        return false;
    }
    const char *wrong =
        is_printable(value->text) ? address_parse(socket_path(b, value->text), address) : "control characters";
    if (!wrong)
        return can_be_reached(b, value, to_bind, address);
    const char *help = address_help(b, value->text, to_bind, &wrong);
    report_error(b->report, value->at, help, "%s is no address: %s", report_quote(b->report, value->text), wrong);
    return false;
}

bool read_name(struct build *b, const struct node *name, const char *what)
{
    bool fine = name->kind == NODE_TEXT && name->text.length > 0 && name->text.length < ADDRESS_TEXT_SIZE;
    for (size_t i = 0; fine && i < name->text.length; i++) {
        uint8_t c = name->text.data[i];
        fine = c > ' ' && c < 0x7f && c != '"' && c != '\\';
    }
    if (!fine)
        report_error(b->report, name->at,
                     "a name is 1 to 127 printable ASCII characters without spaces, quotes and backslashes",
                     "this cannot be the name of a %s", what);
    return fine;
}
