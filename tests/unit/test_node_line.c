#include "worker/node_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct node_line line;

static enum node_word said(const char *words)
{
    node_line_read(span_text(words), &line);
    return line.word;
}

static void what_a_worker_says_is_understood(void **state)
{
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}"), NODE_ONLINE);
    assert_int_equal(said("{\"cmd\":\"NODE_HANDLE_ACK\"}"), NODE_ARRIVED);
    assert_int_equal(said("{ \"cmd\": \"NODE_HANDLE_ACK\" }"), NODE_ARRIVED);
    assert_int_equal(said("{\"cmd\":\"NODE_HANDLE_NACK\"}"), NODE_NOT_ARRIVED);
    assert_int_equal(said("{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":1}"), NODE_SENDS_HANDLE);
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\",\"key\":\"d3\",\"seq\":7}"), NODE_CLOSE);
    assert_string_equal(line.key, "d3");
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"exitedAfterDisconnect\",\"seq\":9}"), NODE_LEAVING);
    assert_int_equal(line.seq, 9);
}

static void an_answer_has_its_number(void **state)
{
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"ack\":4194305,\"accepted\":true,\"seq\":3}"), NODE_ACCEPTED);
    assert_int_equal(line.ack, 4194305);
    assert_true(line.accepted);
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"ack\":2,\"accepted\":false,\"seq\":3}"), NODE_ACCEPTED);
    assert_false(line.accepted);
}

static void a_listen_is_read_with_all_that_belongs_to_it(void **state)
{
    assert_int_equal(
        said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"index\":2,\"data\":{\"ticketKeys\":\"ab\"},"
             "\"address\":\"127.0.0.1\",\"port\":3000,\"addressType\":4,\"backlog\":0,\"flags\":0,\"seq\":1}"),
        NODE_LISTEN);
    assert_string_equal(line.address, "127.0.0.1");
    assert_string_equal(line.type, "4");
    assert_string_equal(line.data, "{\"ticketKeys\":\"ab\"}");
    assert_int_equal(line.port, 3000);
    assert_int_equal(line.index, 2);
    assert_int_equal(line.descriptor, -1);
    assert_int_equal(line.seq, 1);
    assert_false(line.address_is_long);
}

static void a_unix_path_and_a_udp_port_are_told_apart(void **state)
{
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"address\":\"/run/x\",\"port\":-1,"
                          "\"addressType\":-1,\"seq\":1}"),
                     NODE_LISTEN);
    assert_string_equal(line.type, "-1");
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"address\":null,\"port\":53,"
                          "\"addressType\":\"udp4\",\"fd\":7,\"seq\":1}"),
                     NODE_LISTEN);
    assert_string_equal(line.type, "udp4");
    assert_string_equal(line.address, "");
    assert_int_equal(line.descriptor, 7);
}

static void what_is_too_long_is_noticed(void **state)
{
    char words[8192];
    char filling[NODE_DATA_MOST + 10];
    struct text text;
    memset(filling, 'a', sizeof(filling) - 1);
    filling[sizeof(filling) - 1] = '\0';
    text_init(&text, words, sizeof(words));
    text_add_format(&text, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"address\":\"%s\",\"data\":\"%s\"}",
                    filling, filling);
    assert_false(text.cut);
    assert_int_equal(said(words), NODE_LISTEN);
    assert_true(line.address_is_long);
    assert_string_equal(line.data, "null");
}

static void messages_of_the_program_are_none_of_ours(void **state)
{
    assert_int_equal(said("{\"type\":\"hello\"}"), NODE_OTHER);
    assert_int_equal(said("\"text\""), NODE_OTHER);
    assert_int_equal(said("17"), NODE_OTHER);
    assert_int_equal(said("null"), NODE_OTHER);
    assert_int_equal(said("[1,2]"), NODE_OTHER);
    assert_int_equal(said("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"of a later version\"}"), NODE_OTHER);
    assert_int_equal(said("{\"cmd\":17}"), NODE_OTHER);
}

static void sessions_that_a_worker_tells_of_are_heard(void **state)
{
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":\"ap-B0f_mQ3xUl5AAAA\"}"), NODE_SESSION);
    assert_string_equal(line.data, "ap-B0f_mQ3xUl5AAAA");
    assert_int_equal(said("{\"data\":\"\\u0061b\",\"more\":{},\"type\":\"sticky:disconnection\"}"), NODE_SESSION_ENDED);
    assert_string_equal(line.data, "ab");
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":\"a\\nb\"}"), NODE_SESSION);
    assert_string_equal(line.data, "a\nb");
}

static enum node_word tells_of(size_t length)
{
    char words[NODE_SESSION_MOST + 100], id[NODE_SESSION_MOST + 10];
    struct text text;
    memset(id, 'a', length);
    id[length] = '\0';
    text_init(&text, words, sizeof(words));
    text_add_format(&text, "{\"type\":\"sticky:connection\",\"data\":\"%s\"}", id);
    return said(words);
}

static void what_is_no_id_of_a_session_is_none(void **state)
{
    assert_int_equal(tells_of(NODE_SESSION_MOST), NODE_SESSION);
    assert_int_equal(strlen(line.data), NODE_SESSION_MOST);
    assert_int_equal(tells_of(NODE_SESSION_MOST + 1), NODE_OTHER);
    assert_int_equal(tells_of(0), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\"}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":null}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":17}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":[\"a\"]}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":{\"data\":\"a\"}}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":\"a\\u0000b\"}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":{\"type\":\"sticky:connection\"},\"data\":\"a\"}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:http-chunk\",\"data\":\"a\"}"), NODE_OTHER);
    assert_int_equal(said("[{\"type\":\"sticky:connection\",\"data\":\"a\"}]"), NODE_OTHER);
    assert_int_equal(said("{\"cmd\":\"NODE_X\",\"type\":\"sticky:connection\",\"data\":\"a\"}"), NODE_OTHER);
    assert_int_equal(said("{\"type\":\"sticky:connection\",\"data\":\"\xff\"}"), NODE_BAD);
}

static void what_is_no_json_is_bad(void **state)
{
    assert_int_equal(said(""), NODE_BAD);
    assert_int_equal(said("{"), NODE_BAD);
    assert_int_equal(said("\x02{\"cmd\":\"NODE_CLUSTER\"}"), NODE_BAD);
    assert_int_equal(said("{\"cmd\":\"\xff\"}"), NODE_BAD);
}

static void nesting_without_end_is_survived(void **state)
{
    static char words[60001];
    memset(words, '[', sizeof(words) - 1);
    assert_int_equal(said(words), NODE_BAD);
}

static void what_it_is_told_is_what_node_understands(void **state)
{
    char buffer[1024];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    node_line_connection(&text, "d0", 5, NULL);
    assert_string_equal(buffer,
                        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"cmd\":\"NODE_CLUSTER\",\"act\":"
                        "\"newconn\",\"key\":\"d0\",\"seq\":5}}\n");
    text_init(&text, buffer, sizeof(buffer));
    node_line_leave(&text, 6);
    assert_string_equal(buffer, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\",\"seq\":6}\n");
    text_init(&text, buffer, sizeof(buffer));
    node_line_ack(&text, 3, 7);
    assert_string_equal(buffer, "{\"cmd\":\"NODE_CLUSTER\",\"ack\":3,\"seq\":7}\n");
    text_init(&text, buffer, sizeof(buffer));
    node_line_handle_ack(&text);
    assert_string_equal(buffer, "{\"cmd\":\"NODE_HANDLE_ACK\"}\n");
    text_init(&text, buffer, sizeof(buffer));
    node_line_socket(&text, "{\"type\":\"x\"}", 5, NULL);
    assert_string_equal(
        buffer, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":{\"type\":\"x\"},\"key\":\"limpet:1\"}\n");
}

static void the_client_is_told_to_who_wants_to_know(void **state)
{
    char buffer[1024];
    struct text text;
    struct delivery delivery = {.client = endpoint_from_ip4((const uint8_t[]){203, 0, 113, 9}, 4711)};
    text_init(&text, buffer, sizeof(buffer));
    node_line_connection(&text, "d0", 5, &delivery);
    assert_non_null(strstr(buffer, "},\"limpet\":{\"address\":\"203.0.113.9\",\"family\":\"IPv4\",\"port\":4711}}\n"));
    delivery.client.kind = ENDPOINT_NONE;
    text_init(&text, buffer, sizeof(buffer));
    node_line_connection(&text, "d0", 5, &delivery);
    assert_null(strstr(buffer, "limpet"));
}

static void who_brings_the_requests_of_many_is_limpet(void **state)
{
    char buffer[1024];
    struct text text;
    struct delivery delivery = {
        .client = endpoint_from_ip4((const uint8_t[]){203, 0, 113, 9}, 4711), .tls = true, .requests = true};
    text_init(&text, buffer, sizeof(buffer));
    node_line_connection(&text, "d0", 65535, &delivery);
    assert_non_null(
        strstr(buffer, "},\"limpet\":{\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":1,\"here\":true}}\n"));
    text_init(&text, buffer, sizeof(buffer));
    node_line_socket(&text, "\"take it\"", 65534, &delivery);
    assert_string_equal(buffer, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":\"take it\",\"key\":"
                                "\"limpet:1\",\"limpet\":{\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":65535,"
                                "\"here\":true}}\n");
}

static void a_listen_is_granted_or_refused(void **state)
{
    char buffer[1024];
    struct text text;
    struct node_listen_answer answer = {
        .ack = 1, .key = "d2", .sockname = "{\"address\":\"::\",\"family\":\"IPv6\",\"port\":3000}", .data = "null"};
    text_init(&text, buffer, sizeof(buffer));
    node_line_listen_answer(&text, &answer, 8);
    assert_string_equal(buffer,
                        "{\"cmd\":\"NODE_CLUSTER\",\"ack\":1,\"errno\":null,\"key\":\"d2\",\"data\":null,\"sockname\":"
                        "{\"address\":\"::\",\"family\":\"IPv6\",\"port\":3000},\"seq\":8}\n");
    answer.error = -98;
    text_init(&text, buffer, sizeof(buffer));
    node_line_listen_answer(&text, &answer, 9);
    assert_string_equal(buffer, "{\"cmd\":\"NODE_CLUSTER\",\"ack\":1,\"errno\":-98,\"data\":null,\"seq\":9}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_worker_says_is_understood),
        cmocka_unit_test(an_answer_has_its_number),
        cmocka_unit_test(a_listen_is_read_with_all_that_belongs_to_it),
        cmocka_unit_test(a_unix_path_and_a_udp_port_are_told_apart),
        cmocka_unit_test(what_is_too_long_is_noticed),
        cmocka_unit_test(messages_of_the_program_are_none_of_ours),
        cmocka_unit_test(sessions_that_a_worker_tells_of_are_heard),
        cmocka_unit_test(what_is_no_id_of_a_session_is_none),
        cmocka_unit_test(what_is_no_json_is_bad),
        cmocka_unit_test(nesting_without_end_is_survived),
        cmocka_unit_test(what_it_is_told_is_what_node_understands),
        cmocka_unit_test(the_client_is_told_to_who_wants_to_know),
        cmocka_unit_test(who_brings_the_requests_of_many_is_limpet),
        cmocka_unit_test(a_listen_is_granted_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
