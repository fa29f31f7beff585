/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What license/der.h writes is what libcrypto reads, at every length where the form changes. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/asn1.h>

#include "license/der.h"

#define SIZE 70000

static uint8_t buffer[SIZE];
static uint8_t content[SIZE];

/* One value and nothing behind it; how long its content is. */
static size_t read_value(struct bytes der, int wanted, int wanted_class)
{
    const unsigned char *at = der.data;
    long length = 0;
    int tag = 0;
    int class = 0;
    ck_assert_int_eq(ASN1_get_object(&at, &length, &tag, &class, (long)der.length) & 0x80, 0);
    ck_assert_int_eq(tag, wanted);
    ck_assert_int_eq(class, wanted_class);
    ck_assert_ptr_eq(at + length, der.data + der.length);
    return (size_t)length;
}

START_TEST(a_length_has_the_shortest_form)
{
    static const struct {
        size_t length;
        size_t head; /* of tag and length */
    } cases[] = {{0, 2}, {1, 2}, {127, 2}, {128, 3}, {255, 3}, {256, 4}, {4096, 4}, {65535, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct der der = der_begin(buffer, sizeof buffer);
        der_value(&der, DER_OCTET_STRING, bytes_of(content, cases[i].length));
        ck_assert(der_fits(&der));
        ck_assert_uint_eq(der_bytes(&der).length, cases[i].head + cases[i].length);
        ck_assert_uint_eq(read_value(der_bytes(&der), V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL),
                          cases[i].length);
    }
}
END_TEST

START_TEST(what_was_written_is_enclosed_in_its_order)
{
    static const uint8_t wanted[] = {0xa1, 0x08, 0x30, 0x06, 0x02, 0x01, 0x03, 0x04, 0x01, 0xff};
    static const uint8_t octet = 0xff;
    struct der der = der_begin(buffer, sizeof buffer);
    const uint8_t *end = der.at;
    der_value(&der, DER_OCTET_STRING, bytes_of(&octet, 1));
    der_integer(&der, 3);
    der_enclose(&der, DER_SEQUENCE, end);
    der_enclose(&der, DER_CONTEXT(1), end);
    ck_assert(der_fits(&der));
    ck_assert_uint_eq(der_bytes(&der).length, sizeof wanted);
    ck_assert_mem_eq(der_bytes(&der).data, wanted, sizeof wanted);
    ck_assert_uint_eq(read_value(der_bytes(&der), 1, V_ASN1_CONTEXT_SPECIFIC), 8);
}
END_TEST

/* Room for the value and each byte less. */
START_TEST(nothing_is_written_in_front_of_the_buffer)
{
    const size_t whole = 4 + 300;
    for (size_t room = 0; room <= whole; room++) {
        memset(buffer, 0x5a, sizeof buffer);
        struct der der = der_begin(buffer + 16, room);
        der_value(&der, DER_OCTET_STRING, bytes_of(content, 300));
        ck_assert_int_eq(der_fits(&der), room == whole);
        for (size_t i = 0; i < 16; i++)
            ck_assert_uint_eq(buffer[i], 0x5a);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("DER");
    TCase *all = tcase_create("writer");
    tcase_add_test(all, a_length_has_the_shortest_form);
    tcase_add_test(all, what_was_written_is_enclosed_in_its_order);
    tcase_add_test(all, nothing_is_written_in_front_of_the_buffer);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
