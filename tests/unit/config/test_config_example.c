/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The example file and the man page say what the table of keys says. CONFIG_EXAMPLE and
 * CONFIG_MANUAL are their paths. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "config/keys.h"
#include "support/temp_dir.h"

#define TEXT_MAX 32768

static char text[TEXT_MAX];

static void read_text(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ssize_t length = read(fd, text, sizeof text - 1);
    ck_assert_int_gt(length, 0);
    ck_assert_int_lt(length, TEXT_MAX - 1);
    text[length] = '\0';
    ck_assert_int_eq(close(fd), 0);
}

static void set_up(void)
{
    read_text(CONFIG_EXAMPLE);
}

START_TEST(example_loads_for_every_program)
{
    struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    enum error code = config_load(CONFIG_EXAMPLE, (enum config_program)_i, &config, problem);
    ck_assert_msg(code == ERR_OK, "%s", problem);
}
END_TEST

/* The text of one section, cut out of a copy. */
static const char *section_of(const char *name)
{
    static char section[TEXT_MAX];
    char head[64];
    (void)snprintf(head, sizeof head, "\n[%s]\n", name);
    const char *begin = strstr(text, head);
    ck_assert_msg(begin != NULL, "%s", head);
    const char *end = strstr(begin + strlen(head), "\n[");
    size_t length = end != NULL ? (size_t)(end - begin) : strlen(begin);
    memcpy(section, begin, length);
    section[length] = '\0';
    return section;
}

START_TEST(every_key_stands_in_its_section_with_its_default)
{
    const struct config_key *key = &CONFIG_KEYS[_i];
    char line[400];
    if (key->preset == NULL)
        (void)snprintf(line, sizeof line, "\n%s = ", key->name);
    else
        (void)snprintf(line, sizeof line, "\n#%s =%s%s\n", key->name,
                       key->preset[0] != '\0' ? " " : "", key->preset);
    ck_assert_msg(strstr(section_of(key->section), line) != NULL, "[%s]%s", key->section, line);
}
END_TEST

/* "*requests\\_per\\_second*", as scdoc wants it. */
static void put_manual_name(const char *name, char out[128])
{
    size_t length = 0;
    out[length++] = '\n';
    out[length++] = '*';
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '_')
            out[length++] = '\\';
        out[length++] = *at;
    }
    memcpy(out + length, "*\n", 3);
}

START_TEST(every_key_stands_in_its_section_of_the_man_page_with_its_default)
{
    const struct config_key *key = &CONFIG_KEYS[_i];
    char head[64];
    char name[128];
    read_text(CONFIG_MANUAL);
    (void)snprintf(head, sizeof head, "\n# SECTION [%s]\n", key->section);
    char *section = strstr(text, head);
    ck_assert_msg(section != NULL, "%s", head);
    char *end = strstr(section + strlen(head), "\n# ");
    ck_assert_ptr_nonnull(end);
    *end = '\0';
    put_manual_name(key->name, name);
    const char *entry = strstr(section, name);
    ck_assert_msg(entry != NULL, "[%s] %s", key->section, key->name);
    const char *next = strstr(entry + strlen(name), "\n*");
    size_t length = next != NULL ? (size_t)(next - entry) : strlen(entry);
    const char *wanted = key->required_by != 0 ? "Required." : key->preset;
    if (wanted[0] == '\0')
        wanted = "Empty by";
    ck_assert_msg(memmem(entry, length, wanted, strlen(wanted)) != NULL, "[%s] %s: %s",
                  key->section, key->name, wanted);
}
END_TEST

/* Without the comment signs the file sets every key to its default, and means the same. */
START_TEST(defaults_of_the_example_are_the_defaults)
{
    struct temp_dir folder;
    char path[TEMP_PATH_MAX];
    char problem[CONFIG_PROBLEM_MAX];
    struct config shown;
    struct config meant;
    for (char *p = text; (p = strstr(p, "\n#")) != NULL; p++) {
        if (p[2] >= 'a' && p[2] <= 'z')
            memmove(p + 1, p + 2, strlen(p + 2) + 1);
    }
    temp_dir_make(&folder);
    temp_dir_path(&folder, "conf", path);
    FILE *file = fopen(path, "we");
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    enum error code = config_load(path, CONFIG_CLI, &shown, problem);
    ck_assert_msg(code == ERR_OK, "%s", problem);
    ck_assert_int_eq(config_load(CONFIG_EXAMPLE, CONFIG_CLI, &meant, problem), ERR_OK);
    ck_assert_mem_eq(&shown, &meant, sizeof shown);
    temp_dir_remove(&folder);
}
END_TEST

START_TEST(required_keys_have_no_default_and_others_have_one)
{
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++)
        ck_assert((CONFIG_KEYS[i].required_by != 0) == (CONFIG_KEYS[i].preset == NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config example");
    TCase *all = tcase_create("example");
    tcase_add_checked_fixture(all, set_up, NULL);
    tcase_add_loop_test(all, example_loads_for_every_program, CONFIG_HSM, CONFIG_CLI + 1);
    tcase_add_loop_test(all, every_key_stands_in_its_section_with_its_default, 0,
                        CONFIG_KEYS_COUNT);
    tcase_add_loop_test(all, every_key_stands_in_its_section_of_the_man_page_with_its_default, 0,
                        CONFIG_KEYS_COUNT);
    tcase_add_test(all, defaults_of_the_example_are_the_defaults);
    tcase_add_test(all, required_keys_have_no_default_and_others_have_one);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
