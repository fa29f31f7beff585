/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a station must not forget, and what it must not believe. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig/station/control.h"
#include "rig/station/memory.h"
#include "support/run.h"
#include "support/temp_dir.h"

#define PRODUCT "rig-mcu"
#define INSTALL "ins-018f3c6e-0b7a-7a5c-9c3d-2f6f0a1b2c3d"

static struct temp_dir dir;
static char work[TEMP_PATH_MAX];
static struct station_memory *memory;

static void set_up(void)
{
    struct fault fault;
    temp_dir_make(&dir);
    temp_dir_path(&dir, "work", work);
    ck_assert_int_eq(station_control_init(0), ERR_OK);
    ck_assert_int_eq(station_memory_open(work, &memory, &fault), ERR_OK);
}

static void tear_down(void)
{
    station_memory_free(memory);
    temp_dir_remove(&dir);
}

/* A license for chip number chip and image number image. */
static struct station_kept make_kept(uint8_t chip, uint8_t image)
{
    struct station_kept kept = {.product = PRODUCT, .install_id = INSTALL};
    memset(kept.certificate, chip, sizeof kept.certificate);
    memset(kept.license, chip ^ image, sizeof kept.license);
    memset(kept.image.bytes, image, sizeof kept.image.bytes);
    return kept;
}

static void keep(const struct station_kept *kept)
{
    struct fault fault;
    ck_assert_int_eq(station_memory_keep(memory, kept, &fault), ERR_OK);
}

static bool finds(const struct station_kept *kept)
{
    struct station_kept found;
    return station_memory_find(memory, PRODUCT, kept->certificate, &kept->image, &found) &&
           memcmp(found.license, kept->license, sizeof kept->license) == 0 &&
           strcmp(found.install_id, kept->install_id) == 0;
}

static void reopen(void)
{
    struct fault fault;
    station_memory_free(memory);
    memory = NULL;
    ck_assert_int_eq(station_memory_open(work, &memory, &fault), ERR_OK);
}

/* The path of the only license file. */
static void path_of_file(char out[512])
{
    char command[TEMP_PATH_MAX + 64];
    (void)snprintf(command, sizeof command, "ls -d %s/licenses/*", work);
    FILE *list = popen(command, "re");
    ck_assert_ptr_nonnull(list);
    ck_assert_ptr_nonnull(fgets(out, 512, list));
    out[strcspn(out, "\n")] = '\0';
    (void)pclose(list);
}

static size_t read_file(const char *path, char out[4096])
{
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(out, 1, 4096, file);
    (void)fclose(file);
    return length;
}

static void write_file(const char *path, const char *content, size_t length)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(content, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_kept_license_survives_the_station)
{
    struct station_kept kept = make_kept(1, 2);
    keep(&kept);
    reopen();
    ck_assert(finds(&kept));
}
END_TEST

START_TEST(a_license_is_of_one_chip_and_one_image)
{
    struct station_kept kept = make_kept(1, 2);
    struct station_kept other_chip = make_kept(3, 2);
    struct station_kept other_image = make_kept(1, 4);
    keep(&kept);
    ck_assert(!finds(&other_chip));
    ck_assert(!finds(&other_image));
}
END_TEST

START_TEST(a_license_of_another_product_is_not_found)
{
    struct station_kept found;
    struct station_kept kept = make_kept(1, 2);
    keep(&kept);
    ck_assert(!station_memory_find(memory, "other", kept.certificate, &kept.image, &found));
}
END_TEST

START_TEST(a_file_that_ends_anywhere_is_ignored)
{
    char path[512];
    char content[4096];
    struct station_kept kept = make_kept(1, 2);
    keep(&kept);
    path_of_file(path);
    size_t length = read_file(path, content);
    for (size_t cut = 0; cut < length; cut++) {
        write_file(path, content, cut);
        ck_assert_msg(!finds(&kept), "cut at %zu", cut);
    }
    write_file(path, content, length);
    ck_assert(finds(&kept));
}
END_TEST

START_TEST(a_file_with_any_bit_flipped_is_ignored)
{
    char path[512];
    char content[4096];
    struct station_kept kept = make_kept(1, 2);
    keep(&kept);
    path_of_file(path);
    size_t length = read_file(path, content);
    for (size_t bit = 0; bit < length * 8; bit++) {
        content[bit / 8] ^= (char)(1 << bit % 8);
        write_file(path, content, length);
        ck_assert_msg(!finds(&kept), "bit %zu", bit);
        content[bit / 8] ^= (char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(a_file_under_the_name_of_another_chip_is_ignored)
{
    char path[512];
    char other_path[512];
    char content[4096];
    struct station_kept kept = make_kept(1, 2);
    struct station_kept other = make_kept(3, 2);
    struct station_kept found;
    keep(&kept);
    path_of_file(path);
    size_t length = read_file(path, content);
    ck_assert_int_eq(unlink(path), 0);
    keep(&other);
    path_of_file(other_path);
    write_file(other_path, content, length);
    ck_assert(!station_memory_find(memory, PRODUCT, other.certificate, &other.image, &found));
}
END_TEST

START_TEST(what_was_not_finished_is_removed_at_the_next_start)
{
    char path[TEMP_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/licenses/.new-7", work);
    write_file(path, "half", 4);
    reopen();
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(all_images_of_a_chip_are_listed_and_no_other_chip)
{
    struct station_kept list[4];
    struct station_kept a = make_kept(1, 2);
    struct station_kept b = make_kept(1, 3);
    struct station_kept stranger = make_kept(5, 3);
    keep(&a);
    keep(&b);
    keep(&stranger);
    ck_assert_uint_eq(station_memory_list(memory, PRODUCT, a.certificate, list, 4), 2);
    ck_assert_uint_eq(station_memory_list(memory, PRODUCT, a.certificate, list, 1), 1);
    ck_assert_uint_eq(station_memory_list(memory, "other", a.certificate, list, 4), 0);
}
END_TEST

START_TEST(two_stations_do_not_share_a_folder)
{
    struct fault fault;
    struct station_memory *second = NULL;
    ck_assert_int_eq(station_memory_open(work, &second, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "work-in-use");
}
END_TEST

START_TEST(a_license_that_cannot_be_written_is_a_failure)
{
    char path[TEMP_PATH_MAX + 32];
    struct fault fault;
    struct station_kept kept = make_kept(1, 2);
    (void)snprintf(path, sizeof path, "%s/licenses", work);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(station_memory_keep(memory, &kept, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "license-not-kept");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_kept_license_survives_the_station,
                                  a_license_is_of_one_chip_and_one_image,
                                  a_license_of_another_product_is_not_found,
                                  a_file_that_ends_anywhere_is_ignored,
                                  a_file_with_any_bit_flipped_is_ignored,
                                  a_file_under_the_name_of_another_chip_is_ignored,
                                  what_was_not_finished_is_removed_at_the_next_start,
                                  all_images_of_a_chip_are_listed_and_no_other_chip,
                                  two_stations_do_not_share_a_folder,
                                  a_license_that_cannot_be_written_is_a_failure,
                                  NULL};
    return run_suite(&(struct run_case){.name = "station_memory",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
