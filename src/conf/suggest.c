#include "conf/suggest.h"

#include "base/attr.h"

/* A longer word is not a typing error of ours. */
#define WORD_MAX 40

static uint8_t folded(uint8_t byte)
{
    return byte == '_' ? '-' : byte_lower(byte);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, remove, replace, swap neighbours. */
static size_t distance(struct span a, struct span b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            uint8_t x = folded(a.data[i - 1]), y = folded(b.data[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b.data[j - 2]) && y == folded(a.data[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b.length];
}

void suggest_init(struct suggest *s, struct span word)
{
    /* One wrong letter in three, but none in the shortest. */
    size_t allowed = word.length < 2 ? 0 : word.length < 6 ? 1 : word.length / 3;
    *s = (struct suggest){.word = word, .distance = allowed + 1};
}

void suggest_try(struct suggest *s, const char *candidate)
{
    struct span other = span_text(candidate);
    if (s->word.length == 0 || s->word.length > WORD_MAX || other.length > WORD_MAX)
        return;
    size_t d = distance(s->word, other);
    if (d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}

static const struct foreign {
    const char *theirs;
    const char *ours;
} foreign_words[] = {
    {"upstream", "pools"},
    {"upstream", "pool"},
    {"upstreams", "pools"},
    {"backend", "pool"},
    {"backend", "pools"},
    {"backends", "pools"},
    {"backends", "servers"},
    {"cluster", "pool"},
    {"clusters", "pools"},
    {"default-backend", "pool"},
    {"use-backend", "pool"},
    {"proxy-pass", "pool"},
    {"service", "pool"},
    {"services", "pools"},
    {"target", "pool"},
    {"targets", "servers"},
    {"nodes", "servers"},
    {"members", "servers"},
    {"endpoints", "servers"},
    {"server", "servers"},
    {"server", "listeners"},
    {"frontend", "listeners"},
    {"frontends", "listeners"},
    {"entrypoints", "listeners"},
    {"listen", "bind"},
    {"listen", "listeners"},
    {"port", "bind"},
    {"address", "bind"},
    {"host", "address"},
    {"trusted-proxies", "trust"},
    {"trusted-ips", "trust"},
    {"set-real-ip-from", "trust"},
    {"real-ip-header", "client-from"},
    {"forwardfor", "client-from"},
    {"proxy-protocol", "proxy-protocol"},
    {"accept-proxy", "proxy-protocol"},
    {"send-proxy-v2", "send-proxy"},
    {"balance", "key"},
    {"hash", "key"},
    {"ip-hash", "key"},
    {"hash-key", "key"},
    {"lb-policy", "key"},
    {"source", "key"},
    {"cookie", "stick"},
    {"sticky", "stick"},
    {"affinity", "stick"},
    {"persistence", "stick"},
    {"timeout", "timeouts"},
    {"maxconn", "connections"},
    {"maxconn", "limits"},
    {"max-connections", "connections"},
    {"max-connections", "limits"},
    {"worker-processes", "threads"},
    {"worker-processes", "count"},
    {"instances", "count"},
    {"replicas", "count"},
    {"numprocs", "count"},
    {"processes", "count"},
    {"exec", "command"},
    {"cmd", "command"},
    {"args", "command"},
    {"script", "command"},
    {"program", "command"},
    {"cwd", "directory"},
    {"chdir", "directory"},
    {"working-directory", "directory"},
    {"env", "environment"},
    {"protocol", "contract"},
    {"nofile", "open-files"},
    {"files", "open-files"},
    {"nproc", "processes"},
    {"nbthread", "threads"},
    {"access-log", "log"},
    {"error-log", "log"},
    {"logging", "log"},
    {"server-name", "host"},
    {"server-name", "sni"},
    {"hostname", "host"},
    {"domain", "host"},
    {"location", "path"},
    {"prefix", "path"},
    {"path-prefix", "path"},
    {"methods", "method"},
    {"return", "answer"},
    {"respond", "answer"},
    {"redir", "redirect"},
    {"request-header", "request-headers"},
    {"proxy-set-header", "request-headers"},
    {"header-up", "request-headers"},
    {"response-header", "response-headers"},
    {"add-header", "response-headers"},
    {"header-down", "response-headers"},
    {"error-page", "pages"},
    {"errorfile", "pages"},
    {"error-pages", "pages"},
    {"prometheus", "metrics"},
    {"upgrades", "upgrade"},
    {"websocket", "upgrade"},
    {"proxy-read-timeout", "answer"},
    {"client-max-body-size", "body"},
    {"acl", "routes"},
    {"rules", "routes"},
    {"ssl", "tls"},
    {"certificate", "tls"},
};

bool suggest_is_same(struct span word, const char *other)
{
    bool same = word.length == strlen(other);
    for (size_t i = 0; same && i < word.length; i++)
        same = folded(word.data[i]) == folded((uint8_t)other[i]);
    return same;
}

void suggest_try_foreign(struct suggest *s, bool (*accept)(const void *context, const char *ours), const void *context)
{
    for (size_t i = 0; i < ARRAY_LENGTH(foreign_words); i++) {
        size_t before = s->distance;
        if (accept(context, foreign_words[i].ours))
            suggest_try(s, foreign_words[i].theirs);
        if (s->distance < before)
            s->best = foreign_words[i].ours;
    }
}
