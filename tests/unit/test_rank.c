#include "algo/rank.h"

#include "algo/rank_log2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KEYS 100000

static struct rank_seed seed;

static int make_seed(void **state)
{
    rank_seed_derive(&seed, span_text("a seed"));
    return 0;
}

static uint64_t key_number(uint32_t number)
{
    return rank_key_hash(&seed, KEY_TAG_TEXT, span_of(&number, sizeof(number)));
}

struct server {
    const char *name;
    uint32_t weight;
};

static void rank(struct rank_entry *entries, const struct server *servers, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct rank_entry){
            .distance = rank_distance(&seed, key, rank_identity(&seed, span_text("app"), span_text(servers[i].name))),
            .weight = servers[i].weight,
            .index = (uint32_t)i,
            .name = servers[i].name,
        };
    rank_sort(entries, count);
}

static const char *home(const struct server *servers, size_t count, uint64_t key)
{
    struct rank_entry entries[8];
    rank(entries, servers, count, key);
    return entries[0].name;
}

static void a_frozen_vector_holds(void **state)
{
    static const struct server servers[] = {{"a", 1}, {"b", 2}, {"c", 4}};
    struct rank_entry entries[3];
    struct rank_seed frozen;

    rank_seed_derive(&frozen, span_text("prod-eu"));
    uint64_t key = rank_key_hash(&frozen, KEY_TAG_TEXT, span_text("alice"));
    assert_int_equal(key, 0x51a5054a21217d7c);
    assert_int_equal(rank_log_hash(&frozen, KEY_TAG_TEXT, span_text("alice")), 0xdd1a874e);

    struct rank_seed ours = seed;
    seed = frozen;
    rank(entries, servers, 3, key);
    seed = ours;
    assert_string_equal(entries[0].name, "b");
    assert_int_equal(entries[0].distance, 17802510861528017);
    assert_string_equal(entries[1].name, "a");
    assert_int_equal(entries[1].distance, 22542596841484696);
    assert_string_equal(entries[2].name, "c");
    assert_int_equal(entries[2].distance, 98033512095016394);
}

static void an_address_and_a_text_of_the_same_bytes_are_different_keys(void **state)
{
    static const uint8_t bytes[16] = {1, 2, 3};
    struct span key = span_of(bytes, sizeof(bytes));
    assert_int_not_equal(rank_key_hash(&seed, KEY_TAG_ADDRESS, key), rank_key_hash(&seed, KEY_TAG_TEXT, key));
    assert_int_not_equal(rank_log_hash(&seed, KEY_TAG_ADDRESS, key), rank_log_hash(&seed, KEY_TAG_TEXT, key));
}

static void pool_and_server_names_do_not_run_together(void **state)
{
    assert_int_not_equal(rank_identity(&seed, span_text("ab"), span_text("c")),
                         rank_identity(&seed, span_text("a"), span_text("bc")));
}

static void the_order_of_the_list_does_not_matter(void **state)
{
    static const struct server one[] = {{"a", 1}, {"b", 2}, {"c", 4}, {"d", 1}};
    static const struct server other[] = {{"d", 1}, {"c", 4}, {"a", 1}, {"b", 2}};
    for (uint32_t i = 0; i < 1000; i++) {
        struct rank_entry first[4], second[4];
        rank(first, one, 4, key_number(i));
        rank(second, other, 4, key_number(i));
        for (size_t at = 0; at < 4; at++)
            assert_ptr_equal(first[at].name, second[at].name);
    }
}

static void a_new_server_takes_only_the_keys_it_wins(void **state)
{
    static const struct server servers[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
    uint32_t moved = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        const char *before = home(servers, 3, key_number(i));
        const char *after = home(servers, 4, key_number(i));
        if (strcmp(after, "d") == 0)
            moved++;
        else
            assert_string_equal(before, after);
    }
    /* A quarter; 3 % is more than five standard deviations (sqrt(100000 * 1/4 * 3/4) = 137). */
    assert_in_range(moved, KEYS / 4 * 97 / 100, KEYS / 4 * 103 / 100);
}

static void the_keys_of_a_server_that_leaves_go_to_their_next(void **state)
{
    static const struct server all[] = {{"a", 1}, {"b", 2}, {"c", 4}};
    static const struct server left[] = {{"a", 1}, {"c", 4}};
    for (uint32_t i = 0; i < 10000; i++) {
        struct rank_entry entries[3];
        rank(entries, all, 3, key_number(i));
        bool was_there = strcmp(entries[0].name, "b") == 0;
        assert_string_equal(home(left, 2, key_number(i)), entries[was_there ? 1 : 0].name);
    }
}

static void a_heavier_server_only_wins_keys(void **state)
{
    static const struct server before[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    static const struct server after[] = {{"a", 1}, {"b", 2}, {"c", 1}};
    for (uint32_t i = 0; i < 10000; i++) {
        const char *now = home(after, 3, key_number(i));
        if (strcmp(now, "b") != 0)
            assert_string_equal(home(before, 3, key_number(i)), now);
    }
}

static void shares_follow_weights(void **state)
{
    static const struct server servers[] = {{"a", 1}, {"b", 2}, {"c", 4}};
    uint32_t counts[3] = {0};
    for (uint32_t i = 0; i < KEYS; i++)
        counts[home(servers, 3, key_number(i))[0] - 'a']++;
    for (size_t s = 0; s < 3; s++) {
        uint32_t expected = KEYS * servers[s].weight / 7;
        print_message("weight %u: %u of %u expected\n", servers[s].weight, counts[s], expected);
        assert_in_range(counts[s], expected * 97 / 100, expected * 103 / 100);
    }
}

static void every_place_in_the_ranking_is_shared_evenly(void **state)
{
    enum { COUNT = 8 };
    static const struct server servers[COUNT] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1},
                                                 {"e", 1}, {"f", 1}, {"g", 1}, {"h", 1}};
    uint32_t counts[COUNT][COUNT] = {0};
    for (uint32_t i = 0; i < KEYS; i++) {
        struct rank_entry entries[COUNT];
        rank(entries, servers, COUNT, key_number(i));
        for (size_t place = 0; place < COUNT; place++)
            counts[place][entries[place].name[0] - 'a']++;
    }
    for (size_t place = 0; place < COUNT; place++) {
        double chi = 0, expected = (double)KEYS / COUNT;
        for (size_t s = 0; s < COUNT; s++)
            chi += (counts[place][s] - expected) * (counts[place][s] - expected) / expected;
        assert_true(chi < 24.3); /* 7 degrees of freedom: one in a thousand */
    }
}

static void ties_go_to_the_first_name(void **state)
{
    struct rank_entry a = {.distance = 10, .weight = 1, .name = "a"};
    struct rank_entry b = {.distance = 20, .weight = 2, .name = "b"};
    assert_true(rank_before(&a, &b));
    assert_false(rank_before(&b, &a));
    b.distance = 19;
    assert_true(rank_before(&b, &a));
}

static void the_largest_numbers_are_compared_right(void **state)
{
    struct rank_entry far = {.distance = UINT64_C(64) << 56, .weight = 256, .name = "far"};
    struct rank_entry near = {.distance = (UINT64_C(64) << 56) - 1, .weight = 256, .name = "near"};
    assert_true(rank_before(&near, &far));
    far.weight = 255;
    assert_true(rank_before(&near, &far));
    near.weight = 1;
    assert_true(rank_before(&far, &near));
}

static void the_table_rises_from_zero_to_one(void **state)
{
    assert_int_equal(rank_log2[0], 0);
    assert_int_equal(rank_log2[RANK_LOG2_STEPS], UINT64_C(1) << RANK_LOG2_BITS);
    for (size_t i = 0; i < RANK_LOG2_STEPS; i++) {
        assert_true(rank_log2[i + 1] > rank_log2[i]);
        assert_true(i == 0 || rank_log2[i + 1] - rank_log2[i] < rank_log2[i] - rank_log2[i - 1]);
    }
}

static void long_keys_are_hashed_whole(void **state)
{
    static uint8_t key[RANK_MESSAGE_MAX - 1];
    struct span whole = span_of(key, sizeof(key));
    uint64_t before = rank_key_hash(&seed, KEY_TAG_TEXT, whole);
    key[sizeof(key) - 1] = 1;
    assert_int_not_equal(rank_key_hash(&seed, KEY_TAG_TEXT, whole), before);
    assert_int_not_equal(rank_key_hash(&seed, KEY_TAG_TEXT, span_of(NULL, 0)), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frozen_vector_holds),
        cmocka_unit_test(an_address_and_a_text_of_the_same_bytes_are_different_keys),
        cmocka_unit_test(pool_and_server_names_do_not_run_together),
        cmocka_unit_test(the_order_of_the_list_does_not_matter),
        cmocka_unit_test(a_new_server_takes_only_the_keys_it_wins),
        cmocka_unit_test(the_keys_of_a_server_that_leaves_go_to_their_next),
        cmocka_unit_test(a_heavier_server_only_wins_keys),
        cmocka_unit_test(shares_follow_weights),
        cmocka_unit_test(every_place_in_the_ranking_is_shared_evenly),
        cmocka_unit_test(ties_go_to_the_first_name),
        cmocka_unit_test(the_largest_numbers_are_compared_right),
        cmocka_unit_test(the_table_rises_from_zero_to_one),
        cmocka_unit_test(long_keys_are_hashed_whole),
    };
    return cmocka_run_group_tests(tests, make_seed, NULL);
}
