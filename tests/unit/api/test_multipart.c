/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forms with one file. libmicrohttpd's parser wants a connection: one is made over a socket pair,
 * and the reading happens in its access handler, on the test's own thread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/multipart.h"
#include "suites.h"
#include "support/sizes.h"

#define FIELD        "dev_certificate_file"
#define TYPE         "multipart/form-data; boundary=XYZ"
#define NAMED(name)  "Content-Disposition: form-data; name=\"" name "\""
#define PART(text)   "--XYZ\r\n" NAMED(FIELD) "\r\n\r\n" text "\r\n"
#define LAST         "--XYZ--\r\n"
#define GOOD         PART("certificate") LAST
#define CYCLE_MAX_MS 20000

static struct multipart_part part;
static struct json_path path;
static struct fault fault;

/* ---- a connection ---- */

typedef void (*reading)(struct MHD_Connection *connection);

static reading now;
static bool is_done;

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state)
{
    (void)cls, (void)url, (void)method, (void)version, (void)data, (void)data_size, (void)state;
    if (!is_done)
        now(connection);
    is_done = true;
    return MHD_NO;
}

/* Runs function with a connection whose request has that Content-Type (NULL: none). */
static void with_type(const char *type, reading function)
{
    char request[1024];
    int ends[2];
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, NULL, MHD_OPTION_END);
    ck_assert_ptr_nonnull(daemon);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(
        MHD_add_connection(daemon, ends[1], (struct sockaddr *)&address, sizeof address), MHD_YES);
    int length = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: h\r\n%s%s\r\n\r\n",
                          type != NULL ? "Content-Type: " : "X-None: ", type != NULL ? type : "x");
    ck_assert_int_eq(write(ends[0], request, (size_t)length), length);
    now = function;
    is_done = false;
    for (int i = 0; i < CYCLE_MAX_MS && !is_done; i++)
        (void)MHD_run_wait(daemon, 1);
    ck_assert(is_done);
    (void)close(ends[0]);
    MHD_stop_daemon(daemon);
}

static enum error read_bytes(struct MHD_Connection *connection, const void *body, size_t length)
{
    const struct multipart_form form = {
        .connection = connection, .body = bytes_of(body, length), .field = FIELD};
    memset(&part, 0, sizeof part);
    return multipart_read(&form, &part, &path, &fault);
}

static enum error read_text(struct MHD_Connection *connection, const char *body)
{
    return read_bytes(connection, body, strlen(body));
}

static void expect_part(const void *data, size_t length)
{
    ck_assert_uint_eq(part.length, length);
    ck_assert_int_eq(memcmp(part.data, data, length), 0);
    ck_assert_str_eq(path.text, "");
}

/* ---- good forms ---- */

static void read_good_forms(struct MHD_Connection *connection)
{
    static const char *const forms[] = {
        GOOD,
        PART("certificate") "--XYZ--",
        "\r\n" GOOD,
        "a preamble - of -- any kind\r\n" GOOD,
        "--XYZ\r\n" NAMED(FIELD) "; filename=\"chip.bin\"\r\nContent-Type: "
                                 "application/octet-stream\r\n\r\ncertificate\r\n" LAST,
        "--XYZ\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
        "Binary\r\n" NAMED(FIELD) "\r\n\r\ncertificate\r\n" LAST,
        "--XYZ\r\nX-Other: header\r\ncontent-DISPOSITION: form-data; filename=\"a\"; "
        "name=\"" FIELD "\"\r\n\r\ncertificate\r\n" LAST,
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        ck_assert_msg(read_text(connection, forms[i]) == ERR_OK, "form %zu: %s", i, fault.reason);
        expect_part("certificate", 11);
    }
}

START_TEST(a_form_with_one_file_is_read_in_the_ways_that_clients_write_it)
{
    with_type(TYPE, read_good_forms);
}
END_TEST

/* Makes a form around data; returns its length. */
static size_t make_form(char *out, const uint8_t *data, size_t length)
{
    static const char head[] = "--XYZ\r\n" NAMED(FIELD) "\r\n\r\n";
    static const char tail[] = "\r\n" LAST;
    memcpy(out, head, sizeof head - 1);
    memcpy(out + sizeof head - 1, data, length);
    memcpy(out + sizeof head - 1 + length, tail, sizeof tail - 1);
    return sizeof head - 1 + length + sizeof tail - 1;
}

static void read_all_lengths(struct MHD_Connection *connection)
{
    static uint8_t data[API_ST_CERT_MAX_BYTES + 8];
    static char form[sizeof data + 256];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t length = 1; length <= API_ST_CERT_MAX_BYTES; length++) {
        ck_assert_int_eq(read_bytes(connection, form, make_form(form, data, length)), ERR_OK);
        expect_part(data, length);
    }
    for (size_t length = API_ST_CERT_MAX_BYTES + 1; length <= sizeof data; length++) {
        ck_assert_int_eq(read_bytes(connection, form, make_form(form, data, length)),
                         ERR_TOO_LARGE);
        ck_assert_str_eq(fault.reason, "part-too-large");
        ck_assert_str_eq(path.text, FIELD);
    }
}

START_TEST(a_part_of_each_length_up_to_1024_comes_whole_and_no_longer_one)
{
    with_type(TYPE, read_all_lengths);
}
END_TEST

static void read_lookalikes(struct MHD_Connection *connection)
{
    static const char *const texts[] = {
        "\r\n",    "\r\n--",  "\r\n--XY",        "\r\n--XYz and more",
        "--XYZ--", "\n--XYZ", "\r\r\n-\r\n--\r", "\r\n--\r\n--\r\n--XY\r\n--"};
    char form[512];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const uint8_t *data = (const uint8_t *)texts[i];
        size_t length = make_form(form, data, strlen(texts[i]));
        ck_assert_msg(read_bytes(connection, form, length) == ERR_OK, "text %zu", i);
        expect_part(data, strlen(texts[i]));
    }
    static const uint8_t zeros[136];
    ck_assert_int_eq(read_bytes(connection, form, make_form(form, zeros, sizeof zeros)), ERR_OK);
    expect_part(zeros, sizeof zeros);
}

START_TEST(bytes_that_look_like_a_boundary_belong_to_the_part)
{
    with_type(TYPE, read_lookalikes);
}
END_TEST

/* ---- wrong forms ---- */

struct wrong_form {
    const char *body;
    const char *reason;
    const char *path;
};

static const struct wrong_form WRONG_FORMS[] = {
    {"", "part-missing", FIELD},
    {"certificate", "part-missing", FIELD},
    {LAST, "part-missing", FIELD},
    {"--ABC\r\n" NAMED(FIELD) "\r\n\r\ncertificate\r\n--ABC--\r\n", "part-missing", FIELD},
    {PART("certificate"), "broken-form", ""},
    {PART("certificate") "--XYZ", "broken-form", ""},
    {PART("certificate") "--XYZ-", "broken-form", ""},
    {PART("certificate") "--XYZ-\r\n", "broken-form", ""},
    {PART("certificate") "--XYZ\r\n", "broken-form", ""},
    {PART("certificate") "--XYZ garbage", "broken-form", ""},
    {GOOD "and an epilogue", "broken-form", ""},
    {GOOD GOOD, "broken-form", ""},
    {PART("certificate") PART("certificate") LAST, "duplicate-part", FIELD},
    {PART("certificate") PART("") LAST, "duplicate-part", FIELD},
    {PART("") PART("certificate") LAST, "empty-part", FIELD},
    {PART("") LAST, "empty-part", FIELD},
    {PART("certificate") "--XYZ\r\n" NAMED("user") "\r\n\r\nann\r\n" LAST, "unknown-part", "user"},
    {"--XYZ\r\n" NAMED("user") "\r\n\r\nann\r\n" GOOD, "unknown-part", "user"},
    {"--XYZ\r\n" NAMED("a b") "\r\n\r\nann\r\n" GOOD, "unknown-part", ""},
    {"--XYZ\r\n" NAMED("\xff\x1b") "\r\n\r\nann\r\n" GOOD, "unknown-part", ""},
    {"--XYZ\r\n" NAMED("") "\r\n\r\nann\r\n" GOOD, "unknown-part", ""},
    {"--XYZ\r\n" NAMED("DEV_certificate_file") "\r\n\r\nx\r\n" LAST, "unknown-part",
     "DEV_certificate_file"},
    {"--XYZ\r\nContent-Disposition: form-data; name=" FIELD "\r\n\r\nx\r\n" LAST, "unnamed-part",
     ""},
    {"--XYZ\r\nContent-Disposition: form-data; name=\"" FIELD "\r\n\r\nx\r\n" LAST, "unnamed-part",
     ""},
    {"--XYZ\r\nContent-Disposition: form-data\r\n\r\nx\r\n" LAST, "unnamed-part", ""},
    {"--XYZ\r\n\r\nx\r\n" LAST, "unnamed-part", ""},
    {"--XYZ\r\n" NAMED(FIELD) "\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n" LAST,
     "encoded-part", FIELD},
    {"--XYZ\r\n" NAMED(FIELD) "\r\ncontent-transfer-encoding: quoted-printable\r\n\r\nA\r\n" LAST,
     "encoded-part", FIELD},
    {"--XYZ\r\n" NAMED(FIELD) "\r\nContent-Type: Multipart/Mixed; boundary=Q\r\n\r\n--Q\r\n\r\n"
                              "certificate\r\n--Q--\r\n" LAST,
     "nested-form", ""},
    {"--XYZ\r\n" NAMED(FIELD) "\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\r\nx\r\n"
                              "----\r\n" LAST,
     "nested-form", ""},
};

static void read_wrong_forms(struct MHD_Connection *connection)
{
    for (size_t i = 0; i < sizeof WRONG_FORMS / sizeof WRONG_FORMS[0]; i++) {
        const struct wrong_form *wrong = &WRONG_FORMS[i];
        ck_assert_msg(read_text(connection, wrong->body) == ERR_BAD_REQUEST, "form %zu: %s", i,
                      wrong->body);
        ck_assert_msg(strcmp(fault.reason, wrong->reason) == 0, "form %zu: %s", i, fault.reason);
        ck_assert_msg(strcmp(path.text, wrong->path) == 0, "form %zu: path %s", i, path.text);
        ck_assert_uint_eq(part.length, 0);
    }
}

START_TEST(a_wrong_form_is_refused_with_its_reason_and_the_part)
{
    with_type(TYPE, read_wrong_forms);
}
END_TEST

static void read_every_beginning(struct MHD_Connection *connection)
{
    size_t whole = strlen(GOOD) - strlen("\r\n"); /* the last line needs no end */
    for (size_t length = 0; length < whole; length++)
        ck_assert_msg(read_bytes(connection, GOOD, length) == ERR_BAD_REQUEST, "%zu bytes", length);
    ck_assert_int_eq(read_bytes(connection, GOOD, whole), ERR_OK);
}

START_TEST(every_beginning_of_a_form_is_refused)
{
    with_type(TYPE, read_every_beginning);
}
END_TEST

static void read_long_names(struct MHD_Connection *connection)
{
    static char form[API_FORM_MAX_BYTES + 1];
    for (size_t length = 1; length < API_FORM_MAX_BYTES - 200; length += 61) {
        strcpy(form, "--XYZ\r\nContent-Disposition: form-data; name=\"");
        size_t at = strlen(form);
        memset(form + at, 'n', length);
        strcpy(form + at + length, "\"\r\n\r\nx\r\n" LAST);
        ck_assert_int_eq(read_text(connection, form), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "unknown-part");
        ck_assert_uint_eq(strlen(path.text), length <= API_NAME_MAX_BYTES ? length : 0);
    }
}

START_TEST(a_name_of_any_length_is_refused_and_told_when_it_is_a_name)
{
    with_type(TYPE, read_long_names);
}
END_TEST

/* ---- boundaries ---- */

static void read_xyz(struct MHD_Connection *connection)
{
    ck_assert_int_eq(read_text(connection, GOOD), ERR_OK);
}

START_TEST(a_boundary_may_stand_in_quotes)
{
    with_type("multipart/form-data; boundary=\"XYZ\"", read_xyz);
    with_type("Multipart/Form-Data;boundary=XYZ", read_xyz);
    with_type("multipart/form-data \t; \t boundary=XYZ", read_xyz);
}
END_TEST

static void read_no_boundary(struct MHD_Connection *connection)
{
    ck_assert_int_eq(read_text(connection, GOOD), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "boundary");
    ck_assert_str_eq(path.text, "");
}

#define TEN     "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

START_TEST(a_content_type_that_names_no_boundary_or_more_than_that_is_refused)
{
    static const char *const types[] = {
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; ",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"XYZ",
        "multipart/form-data; boundary=XYZ\"",
        "multipart/form-data; boundary=\"XYZ \"",
        "multipart/form-data; boundary=X YZ",
        "multipart/form-data; boundary=XYZ; charset=utf-8",
        "multipart/form-data; charset=utf-8; boundary=XYZ",
        "multipart/form-data; boundary=XYZ, multipart/form-data",
        "multipart/form-data; Boundary=XYZ",
        "multipart/form-data; boundary=X\xffZ",
        "multipart/form-data; boundary=" SEVENTY "x",
        "multipart/form-data; boundary=\"" SEVENTY "x\"",
        "application/x-www-form-urlencoded",
        "x",
        NULL,
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        with_type(types[i], read_no_boundary);
}
END_TEST

static void read_seventy(struct MHD_Connection *connection)
{
    ck_assert_int_eq(read_text(connection,
                               "--" SEVENTY "\r\n" NAMED(FIELD) "\r\n\r\ncertificate"
                                                                "\r\n--" SEVENTY "--\r\n"),
                     ERR_OK);
    expect_part("certificate", 11);
}

START_TEST(a_boundary_may_have_seventy_characters)
{
    with_type("multipart/form-data; boundary=" SEVENTY, read_seventy);
    with_type("multipart/form-data; boundary=\"" SEVENTY "\"", read_seventy);
}
END_TEST

/* ---- garbage ---- */

/* Whatever came: a part is whole, a refusal has a reason, and nothing else happened. */
static void read_garbage(struct MHD_Connection *connection, const char *body, size_t length)
{
    /* A block of its own size, so that a sanitizer sees a read behind it. */
    char *copy = malloc(length + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, body, length);
    char *exact = realloc(copy, length > 0 ? length : 1);
    ck_assert_ptr_nonnull(exact);
    enum error e = read_bytes(connection, exact, length);
    ck_assert(e == ERR_OK || e == ERR_BAD_REQUEST || e == ERR_TOO_LARGE);
    ck_assert_int_eq(e == ERR_OK, part.length >= 1 && part.length <= API_ST_CERT_MAX_BYTES);
    ck_assert(e == ERR_OK || (fault.reason[0] != '\0' && fault.detail[0] != '\0'));
    free(exact);
}

static void flip_every_bit(struct MHD_Connection *connection)
{
    char form[sizeof GOOD];
    for (size_t bit = 0; bit < 8 * strlen(GOOD); bit++) {
        strcpy(form, GOOD);
        form[bit / 8] = (char)(form[bit / 8] ^ 1 << bit % 8);
        read_garbage(connection, form, strlen(GOOD));
    }
}

START_TEST(a_form_with_any_bit_flipped_is_read_or_refused)
{
    with_type(TYPE, flip_every_bit);
}
END_TEST

/* Pieces that lead the parser to its rare states. */
static const char *const PIECES[] = {
    "\r\n",
    "\r",
    "\n",
    "-",
    "--",
    "--XYZ",
    "--XYZ--",
    "\r\n--XYZ\r\n",
    "\r\n--XYZ--\r\n",
    NAMED(FIELD),
    NAMED("other"),
    NAMED(FIELD) "\r\n\r\n",
    "Content-Type: multipart/mixed; boundary=Q\r\n",
    "Content-Type: text/plain",
    "Content-Transfer-Encoding: binary",
    "--Q\r\n",
    "name=\"",
    "\"",
    "\0",
    "certificate",
};
#define PIECE_COUNT (sizeof PIECES / sizeof PIECES[0])

static size_t mutate(char form[API_FORM_MAX_BYTES], size_t length, unsigned *seed)
{
    size_t at = (size_t)rand_r(seed) % (length + 1);
    size_t run = (size_t)rand_r(seed) % 12;
    const char *piece = PIECES[(size_t)rand_r(seed) % PIECE_COUNT];
    size_t room = strlen(piece) + 1;
    switch (rand_r(seed) % 5) {
    case 0: /* one byte */
        if (at < length)
            form[at] = (char)rand_r(seed);
        return length;
    case 1: /* bytes go */
        run = run < length - at ? run : length - at;
        memmove(form + at, form + at + run, length - at - run);
        return length - run;
    case 2: /* the end goes */
        return at;
    case 3: /* a stretch is doubled */
        run = run * run < length - at ? run * run : length - at;
        if (length + run > API_FORM_MAX_BYTES)
            return length;
        memmove(form + at + run, form + at, length - at);
        return length + run;
    default: /* a piece comes in, sometimes with its NUL */
        room -= (size_t)rand_r(seed) % 4 != 0;
        if (length + room > API_FORM_MAX_BYTES)
            return length;
        memmove(form + at + room, form + at, length - at);
        memcpy(form + at, piece, room);
        return length + room;
    }
}

static void read_mutations(struct MHD_Connection *connection)
{
    static char form[API_FORM_MAX_BYTES];
    size_t count = test_size("mutations of a form", 20000, 2000000);
    unsigned seed = 20261127;
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % 8 == 0) {
            length = strlen(GOOD);
            memcpy(form, GOOD, length);
        }
        length = mutate(form, length, &seed);
        read_garbage(connection, form, length);
    }
}

START_TEST(mutated_forms_are_read_or_refused)
{
    with_type(TYPE, read_mutations);
}
END_TEST

static void read_noise(struct MHD_Connection *connection)
{
    static char form[API_FORM_MAX_BYTES];
    size_t count = test_size("forms made of pieces", 2000, 100000);
    unsigned seed = 7;
    for (size_t i = 0; i < count; i++) {
        size_t length = 0;
        size_t wanted = (size_t)rand_r(&seed) % API_FORM_MAX_BYTES;
        while (length < wanted) {
            const char *piece = PIECES[(size_t)rand_r(&seed) % PIECE_COUNT];
            size_t size = strlen(piece) + (*piece == '\0');
            if (length + size > API_FORM_MAX_BYTES)
                break;
            memcpy(form + length, piece, size);
            length += size;
        }
        read_garbage(connection, form, length);
    }
}

START_TEST(forms_made_of_random_pieces_are_read_or_refused)
{
    with_type(TYPE, read_noise);
}
END_TEST

/* One byte over and over: what costs the parser most. */
static void read_repetitions(struct MHD_Connection *connection)
{
    static char form[API_FORM_MAX_BYTES];
    static const char bytes[] = "-\r\n\"X";
    for (size_t i = 0; i < sizeof bytes; i++) {
        memset(form, bytes[i], sizeof form);
        read_garbage(connection, form, sizeof form);
        memcpy(form, "--XYZ\r\n", 7);
        read_garbage(connection, form, sizeof form);
        memcpy(form, GOOD, strlen(GOOD) - strlen(LAST));
        read_garbage(connection, form, sizeof form);
    }
}

START_TEST(one_byte_repeated_is_refused)
{
    with_type(TYPE, read_repetitions);
}
END_TEST

Suite *multipart_suite(void)
{
    Suite *suite = suite_create("api/multipart");
    TCase *tcase = tcase_create("multipart");
    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, a_form_with_one_file_is_read_in_the_ways_that_clients_write_it);
    tcase_add_test(tcase, a_part_of_each_length_up_to_1024_comes_whole_and_no_longer_one);
    tcase_add_test(tcase, bytes_that_look_like_a_boundary_belong_to_the_part);
    tcase_add_test(tcase, a_wrong_form_is_refused_with_its_reason_and_the_part);
    tcase_add_test(tcase, every_beginning_of_a_form_is_refused);
    tcase_add_test(tcase, a_name_of_any_length_is_refused_and_told_when_it_is_a_name);
    tcase_add_test(tcase, a_boundary_may_stand_in_quotes);
    tcase_add_test(tcase, a_content_type_that_names_no_boundary_or_more_than_that_is_refused);
    tcase_add_test(tcase, a_boundary_may_have_seventy_characters);
    tcase_add_test(tcase, a_form_with_any_bit_flipped_is_read_or_refused);
    tcase_add_test(tcase, mutated_forms_are_read_or_refused);
    tcase_add_test(tcase, forms_made_of_random_pieces_are_read_or_refused);
    tcase_add_test(tcase, one_byte_repeated_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
