/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Entries of the journal: what they hold, and that they arrive at its socket. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "core/log_journal.h"

#define JOURNAL_FOLDER "/run/systemd/journal"
#define JOURNAL_SOCKET JOURNAL_FOLDER "/socket"
#define RUN_FOLDER     "/run"

/* ---- the fields ---- */

static struct log_entry entry;

static void build(enum log_level level, const char *event, const struct log_field *fields,
                  size_t count)
{
    const struct log_event_parts parts = {
        .program = "test", .level = level, .event = event, .fields = fields, .count = count};
    ck_assert(log_entry_build(&parts, &entry));
}

static void expect_field(size_t place, const char *text)
{
    ck_assert_uint_lt(place, entry.count);
    ck_assert_msg(entry.fields[place].iov_len == strlen(text) &&
                      memcmp(entry.fields[place].iov_base, text, strlen(text)) == 0,
                  "%.*s", (int)entry.fields[place].iov_len, (char *)entry.fields[place].iov_base);
}

static void clear(void)
{
    log_entry_clear(&entry);
}

START_TEST(an_event_becomes_a_sentence_and_fields)
{
    const struct log_field fields[] = {LOG_TEXT("route", "/v1/licenses"), LOG_TEXT("reason", ""),
                                       LOG_NUMBER("received_bytes", 201)};
    build(LOG_LEVEL_INFO, "client-request", fields, 3);
    ck_assert_uint_eq(entry.count, 7);
    expect_field(0, "MESSAGE=Client request: route /v1/licenses, received bytes 201.");
    expect_field(1, "PRIORITY=6");
    expect_field(2, "SYSLOG_IDENTIFIER=test");
    expect_field(3, "PROVISIOND_EVENT=client-request");
    expect_field(4, "PROVISIOND_ROUTE=/v1/licenses");
    expect_field(5, "PROVISIOND_REASON=");
    expect_field(6, "PROVISIOND_RECEIVED_BYTES=201");
}
END_TEST

START_TEST(the_sentence_of_a_fault_is_its_detail_and_its_word)
{
    const struct log_field fields[] = {LOG_TEXT("code", "configuration"),
                                       LOG_TEXT("detail", "The key cannot be read."),
                                       LOG_TEXT("reason", "key-file")};
    build(LOG_LEVEL_ERROR, "start-failed", fields, 3);
    expect_field(0, "MESSAGE=Start failed: The key cannot be read. (key-file)");
    clear();
    build(LOG_LEVEL_ERROR, "start-failed", fields, 2);
    expect_field(0, "MESSAGE=Start failed: The key cannot be read.");
    expect_field(1, "PRIORITY=3");
}
END_TEST

START_TEST(the_cause_in_the_systems_words_stands_in_the_sentence)
{
    const struct log_field fields[] = {LOG_TEXT("detail", "The key cannot be read."),
                                       LOG_TEXT("cause", "Permission denied"),
                                       LOG_TEXT("reason", "key-file")};
    build(LOG_LEVEL_ERROR, "start-failed", fields, 3);
    expect_field(
        0, "MESSAGE=Start failed: The key cannot be read. Cause: Permission denied. (key-file)");
}
END_TEST

START_TEST(each_level_has_its_priority)
{
    static const char *const priorities[] = {"PRIORITY=7", "PRIORITY=6", "PRIORITY=4",
                                             "PRIORITY=3"};
    for (size_t i = 0; i < 4; i++) {
        build((enum log_level)i, "e", NULL, 0);
        expect_field(1, priorities[i]);
        clear();
    }
}
END_TEST

START_TEST(what_is_no_plain_text_is_shown_as_hex)
{
    const struct log_field fields[] = {LOG_TEXT("a", "x\nPRIORITY=0"), LOG_TEXT("b", "a\xff"),
                                       LOG_TEXT("c", "\xc2\x9b"), LOG_TEXT("d", "S\xc3\xb6")};
    build(LOG_LEVEL_INFO, "e", fields, 4);
    expect_field(0, "MESSAGE=E: a x?PRIORITY=0, b a?, c ??, d S??.");
    expect_field(4, "PROVISIOND_A=hex:780a5052494f524954593d30");
    expect_field(5, "PROVISIOND_B=hex:61ff");
    expect_field(6, "PROVISIOND_C=hex:c29b");
    expect_field(7, "PROVISIOND_D=S\xc3\xb6");
}
END_TEST

/* ---- which of the two ---- */

/* JOURNAL_STREAM names standard error, its inode moved on by so much. */
static void name_stderr(unsigned off)
{
    struct stat info;
    char text[64];
    ck_assert_int_eq(fstat(STDERR_FILENO, &info), 0);
    (void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)info.st_dev,
                   (uintmax_t)info.st_ino + off);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", text, 1), 0);
}

START_TEST(the_journal_is_used_when_standard_error_is_its_stream)
{
    ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
    ck_assert(!log_journal_is_stderr());
    ck_assert_int_eq(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    ck_assert(!log_journal_is_stderr());
    name_stderr(1);
    ck_assert(!log_journal_is_stderr());
    name_stderr(0);
    ck_assert(log_journal_is_stderr());
}
END_TEST

/* ---- the socket ---- */

static bool write_map(const char *path, unsigned id)
{
    FILE *file = fopen(path, "we");
    return file != NULL && fprintf(file, "0 %u 1", id) > 0 && fclose(file) == 0;
}

static bool forbid_groups(void)
{
    FILE *file = fopen("/proc/self/setgroups", "we");
    return file != NULL && fputs("deny", file) >= 0 && fclose(file) == 0;
}

/* Root is a mount namespace enough; others are root in a user namespace of their own. */
static bool isolate(void)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    if (user == 0)
        return unshare(CLONE_NEWNS) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return forbid_groups() && write_map("/proc/self/uid_map", user) &&
           write_map("/proc/self/gid_map", group);
}

/* A journal's socket where libsystemd looks for it, for this process alone; -1: not allowed here.
 */
static int make_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
    if (!isolate() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", RUN_FOLDER, "tmpfs", 0, NULL) != 0)
        return -1;
    ck_assert_int_eq(mkdir(RUN_FOLDER "/systemd", 0755), 0);
    ck_assert_int_eq(mkdir(JOURNAL_FOLDER, 0755), 0);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void log_one(void)
{
    name_stderr(0);
    log_init("test", LOG_LEVEL_INFO);
    log_event(LOG_LEVEL_WARNING, "refused", LOG_TEXT("reason", "a\nb"), LOG_NUMBER("native", 5));
    log_event(LOG_LEVEL_DEBUG, "noise", LOG_NUMBER("native", 6));
}

START_TEST(an_entry_arrives_at_the_journals_socket)
{
    char text[4096];
    int journal = make_journal();
    if (journal < 0) {
        printf("not run: a mount namespace is not allowed here (errno %d)\n", errno);
        return;
    }
    log_one();
    ssize_t length = recv(journal, text, sizeof text - 1, MSG_DONTWAIT);
    ck_assert_int_gt(length, 0);
    text[length] = '\0';
    ck_assert_str_eq(text, "MESSAGE=Refused: reason a?b, native 5.\nPRIORITY=4\n"
                           "SYSLOG_IDENTIFIER=test\nPROVISIOND_EVENT=refused\n"
                           "PROVISIOND_REASON=hex:610a62\nPROVISIOND_NATIVE=5\n");
    ck_assert_int_lt(recv(journal, text, sizeof text, MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(without_the_journals_socket_the_line_goes_to_standard_error)
{
    char text[4096] = "";
    int ends[2];
    int journal = make_journal();
    if (journal < 0)
        return;
    ck_assert_int_eq(unlink(JOURNAL_SOCKET), 0);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    log_one();
    ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"event\":\"refused\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core log journal");
    TCase *all = tcase_create("journal");
    tcase_add_checked_fixture(all, NULL, clear);
    tcase_add_test(all, an_event_becomes_a_sentence_and_fields);
    tcase_add_test(all, the_sentence_of_a_fault_is_its_detail_and_its_word);
    tcase_add_test(all, the_cause_in_the_systems_words_stands_in_the_sentence);
    tcase_add_test(all, each_level_has_its_priority);
    tcase_add_test(all, what_is_no_plain_text_is_shown_as_hex);
    tcase_add_test(all, the_journal_is_used_when_standard_error_is_its_stream);
    tcase_add_test(all, an_entry_arrives_at_the_journals_socket);
    tcase_add_test(all, without_the_journals_socket_the_line_goes_to_standard_error);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
