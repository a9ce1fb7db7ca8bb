#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct member {
    int value;
    struct list link;
};

static void fill(struct list *list, struct member *members, size_t count, int first)
{
    list_init(list);
    for (size_t i = 0; i < count; i++) {
        members[i] = (struct member){.value = first + (int)i};
        list_append(list, &members[i].link);
    }
}

/* Both ways, so that no link is right in one direction only. */
static void assert_values(const struct list *list, const int *values, size_t count)
{
    const struct list *link = list;
    for (size_t i = 0; i < count; i++) {
        link = link->next;
        assert_ptr_not_equal(link, list);
        assert_int_equal(container_of(link, struct member, link)->value, values[i]);
    }
    assert_ptr_equal(link->next, list);
    for (size_t i = count; i-- > 0; link = link->previous)
        assert_int_equal(container_of(link, struct member, link)->value, values[i]);
    assert_ptr_equal(link, list);
}

static void members_stay_in_the_order_they_came(void **state)
{
    struct list list;
    struct member members[3];
    list_init(&list);
    assert_true(list_is_empty(&list));
    fill(&list, members, 3, 1);
    assert_false(list_is_empty(&list));
    assert_values(&list, (int[]){1, 2, 3}, 3);
}

static void any_member_may_leave_and_leave_again(void **state)
{
    struct list list;
    struct member members[4];
    fill(&list, members, 4, 1);
    list_remove(&members[1].link);
    assert_values(&list, (int[]){1, 3, 4}, 3);
    list_remove(&members[1].link);
    list_remove(&members[0].link);
    list_remove(&members[3].link);
    assert_values(&list, (int[]){3}, 1);
    list_remove(&members[2].link);
    assert_true(list_is_empty(&list));
    list_append(&list, &members[1].link);
    assert_values(&list, (int[]){2}, 1);
}

static void one_list_moves_to_the_end_of_another(void **state)
{
    struct list to, from;
    struct member old[2], newer[2];
    fill(&to, old, 2, 1);
    fill(&from, newer, 2, 3);
    list_splice(&to, &from);
    assert_values(&to, (int[]){1, 2, 3, 4}, 4);
    assert_true(list_is_empty(&from));
    list_splice(&to, &from);
    assert_values(&to, (int[]){1, 2, 3, 4}, 4);
    list_splice(&from, &to);
    assert_values(&from, (int[]){1, 2, 3, 4}, 4);
    assert_true(list_is_empty(&to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_stay_in_the_order_they_came),
        cmocka_unit_test(any_member_may_leave_and_leave_again),
        cmocka_unit_test(one_list_moves_to_the_end_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
