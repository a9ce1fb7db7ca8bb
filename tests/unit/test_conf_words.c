/* What is done with words: key sources, did-you-mean, and words that are shown in messages. */

#include "base/arena.h"
#include "conf/conf.h"
#include "conf/given_out.h"
#include "conf/key_source.h"
#include "conf/suggest.h"
#include "yaml/excerpt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena *arena;

static int open_arena(void **state)
{
    arena = arena_new();
    return arena ? 0 : -1;
}

static int close_arena(void **state)
{
    arena_free(arena);
    return 0;
}

static struct plan_key source(const char *text)
{
    struct plan_key key;
    const char *wrong = conf_key_source(span_text(text), arena, &key);
    if (wrong)
        fail_msg("%s: %s", text, wrong);
    assert_string_equal(key.text, text);
    return key;
}

static void assert_no_source(const char *text)
{
    struct plan_key key;
    if (!conf_key_source(span_text(text), arena, &key))
        fail_msg("taken for a key source: %s", text);
    assert_non_null(key_source_help(span_text(text), arena));
}

static void every_key_source_of_the_table_is_read(void **state)
{
    assert_int_equal(source("client").kind, KEY_CLIENT);
    assert_int_equal(source("client/24/56").kind, KEY_CLIENT_NETWORK);
    assert_int_equal(source("client/24/56").ip4_bits, 24);
    assert_int_equal(source("client/24/56").ip6_bits, 56);
    assert_int_equal(source("client/0/128").ip6_bits, 128);
    assert_int_equal(source("peer").kind, KEY_PEER);
    assert_int_equal(source("header:X-User").kind, KEY_HEADER);
    assert_string_equal(source("header:X-User").name, "X-User");
    assert_int_equal(source("cookie:user").kind, KEY_COOKIE);
    assert_int_equal(source("query:room[1]").kind, KEY_QUERY);
    assert_int_equal(source("path").kind, KEY_PATH);
    assert_int_equal(source("path:2").kind, KEY_PATH_SEGMENT);
    assert_int_equal(source("path:2").segment, 2);
    assert_int_equal(source("host").kind, KEY_HOST);
    assert_int_equal(source("method").kind, KEY_METHOD);
    assert_int_equal(source("sni").kind, KEY_SNI);
    assert_int_equal(source("alpn").kind, KEY_ALPN);
    assert_int_equal(source("unwrapped").kind, KEY_UNWRAPPED);
    assert_int_equal(source("bytes:4+8").kind, KEY_BYTES);
    assert_int_equal(source("bytes:4+8").offset, 4);
    assert_int_equal(source("bytes:4+8").length, 8);
    assert_int_equal(source("bytes:16383+1").length, 1);
    assert_int_equal(source("field:Call-ID").kind, KEY_FIELD);
}

static void what_only_resembles_a_key_source_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",           "Client",          "client ",  "client/24",     "client/33/56", "client/24/129", "client/24/56/1",
        "client/a/b", "header",          "header:",  "header:X User", "header:X:Y",   "header:\x01",   "cookie:a=b",
        "query:a&b",  "query:",          "path:0",   "path:-1",       "path:01",      "path:1001",     "bytes:4",
        "bytes:4+0",  "bytes:16384+1",   "bytes:+1", "bytes:1+",      "bytes:0x1+1",  "sni:x",         "unwrapped:4",
        "userid",     "x-forwarded-for", "header/X",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_no_source(wrong[i]);
}

static void ids_that_servers_give_out_are_known(void **state)
{
    static const char *const theirs[] = {"cookie:JSESSIONID",
                                         "cookie:PHPSESSID",
                                         "cookie:connect.sid",
                                         "cookie:session_id",
                                         "cookie:jsessionid",
                                         "cookie:sessionid",
                                         "cookie:_session",
                                         "cookie:__Host-session",
                                         "cookie:io",
                                         "cookie:AWSALBCORS",
                                         "cookie:.AspNetCore.Cookies",
                                         "query:sid",
                                         "query:sessionId",
                                         "header:Mcp-Session-Id",
                                         "header:mcp-session-id",
                                         "field:Mcp-Session-Id",
                                         "field:Session",
                                         "query:connectionToken"};
    static const char *const own[] = {"cookie:user",   "header:sid",         "query:side",
                                      "client",        "query:room",         "header:X-User",
                                      "field:Call-ID", "cookie:__Host-user", "header:X-Session-Id"};
    for (size_t i = 0; i < ARRAY_LENGTH(theirs); i++) {
        struct plan_key key = source(theirs[i]);
        if (!given_out(&key))
            fail_msg("no warning of %s", theirs[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
        struct plan_key key = source(own[i]);
        if (given_out(&key))
            fail_msg("a warning of %s", own[i]);
    }
}

static const char *nearest(const char *word)
{
    static const char *const words[] = {"listeners", "pools", "timeouts", "idle", "key"};
    struct suggest s;
    suggest_init(&s, span_text(word));
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        suggest_try(&s, words[i]);
    return s.best ? s.best : "";
}

static void a_typing_error_finds_its_word(void **state)
{
    assert_string_equal(nearest("listners"), "listeners");
    assert_string_equal(nearest("LISTENERS"), "listeners");
    assert_string_equal(nearest("pool"), "pools");
    assert_string_equal(nearest("poosl"), "pools");
    assert_string_equal(nearest("time_outs"), "timeouts");
    assert_string_equal(nearest("idel"), "idle");
    assert_string_equal(nearest("kye"), "key");
    assert_string_equal(nearest("nothing"), "");
    assert_string_equal(nearest("x"), "");
    assert_string_equal(nearest(""), "");
}

static const char *safe(const char *bytes)
{
    static char shown[256];
    struct text t;
    text_init(&t, shown, sizeof(shown));
    excerpt_safe(&t, span_text(bytes));
    return shown;
}

static void nothing_that_a_terminal_obeys_is_shown(void **state)
{
    assert_string_equal(safe("plain"), "plain");
    assert_string_equal(safe("w\xc3\xb6rter \xe2\x82\xac"), "w\xc3\xb6rter \xe2\x82\xac");
    assert_string_equal(safe("\033[31m"), "\\x1b[31m");
    assert_string_equal(safe("a\tb\r\n"), "a\\tb\\x0d\\x0a");
    assert_string_equal(safe("\x7f"), "\\x7f");
    assert_string_equal(safe("\xff\xc3"), "\\xff\\xc3");
    assert_string_equal(safe("\xc2\x9b"), "\\xc2\\x9b");          /* C1: another CSI */
    assert_string_equal(safe("\xe2\x80\xae"), "\\xe2\\x80\\xae"); /* right-to-left override */
    assert_string_equal(safe("\xc0\xaf"), "\\xc0\\xaf");          /* overlong */
    assert_string_equal(safe("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
}

static const char *excerpt(const char *text, size_t offset, size_t length)
{
    static char shown[4096];
    struct text t;
    text_init(&t, shown, sizeof(shown));
    excerpt_add(&t, span_text(text), offset, length);
    return shown;
}

static void the_caret_stands_below_what_is_meant(void **state)
{
    assert_string_equal(excerpt("a: b\nkey: value\n", 10, 5), "    2 | key: value\n      |      ^~~~~\n");
    assert_string_equal(excerpt("a\tb", 2, 1), "    1 | a\\tb\n      |    ^\n");
    assert_string_equal(excerpt("\xc3\xb6: x", 4, 1), "    1 | \xc3\xb6: x\n      |    ^\n");
    assert_string_equal(excerpt("a\r\nb", 0, 3), "    1 | a\n      | ^\n");
    assert_string_equal(excerpt("a", 1, 0), "    1 | a\n      |  ^\n");
    assert_string_equal(excerpt("", 0, 0), "    1 | \n      | ^\n");
}

static void a_long_line_is_cut_around_the_caret(void **state)
{
    char line[1001];
    memset(line, 'x', 1000);
    line[1000] = '\0';
    const char *shown = excerpt(line, 500, 1);
    assert_true(strlen(shown) < 200);
    assert_non_null(strstr(shown, "| ...xxx"));
    assert_non_null(strstr(shown, "xxx...\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_source_of_the_table_is_read),
        cmocka_unit_test(what_only_resembles_a_key_source_is_refused),
        cmocka_unit_test(ids_that_servers_give_out_are_known),
        cmocka_unit_test(a_typing_error_finds_its_word),
        cmocka_unit_test(nothing_that_a_terminal_obeys_is_shown),
        cmocka_unit_test(the_caret_stands_below_what_is_meant),
        cmocka_unit_test(a_long_line_is_cut_around_the_caret),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
