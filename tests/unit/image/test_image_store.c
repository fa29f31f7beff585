/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The folder of images: names, drafts, full disks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <check.h>

#include "image/draft.h"
#include "image/image_store.h"
#include "support/temp_dir.h"

#define FILE_LIMIT ((rlim_t)64 * 1024)

static struct temp_dir folder;
static char path[TEMP_PATH_MAX];
static struct image_store *store;
static struct fault fault;

static void set_up(void)
{
    temp_dir_make(&folder);
    temp_dir_path(&folder, "images", path);
    ck_assert_int_eq(image_store_open(path, &store, &fault), ERR_OK);
}

static void tear_down(void)
{
    image_store_close(store);
    temp_dir_remove(&folder);
}

/* Files in the folder, by what readdir shows. */
static unsigned files(void)
{
    unsigned count = 0;
    DIR *entries = opendir(path);
    ck_assert_ptr_nonnull(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += entry->d_name[0] != '.' ? 1 : 0;
    ck_assert_int_eq(closedir(entries), 0);
    return count;
}

/* The n-th kind of draft: as the vault makes it, without a name, with a name. */
static struct image_draft *draft_of_kind(int kind)
{
    struct image_draft *draft = NULL;
    enum error code = ERR_INTERNAL;
    if (kind == 0)
        code = image_draft_new(store, &draft, &fault);
    else if (kind == 1)
        code = image_draft_new_nameless(store, &draft, &fault);
    else
        code = image_draft_new_named(store, &draft, &fault);
    ck_assert_msg(code == ERR_OK, "%s", fault.reason);
    return draft;
}

static void write_text(struct image_draft *draft, const char *text)
{
    ck_assert_int_eq(write(image_draft_fd(draft), text, strlen(text)), (ssize_t)strlen(text));
}

static struct sha256 stored(int kind, const char *text)
{
    struct sha256 digest;
    uint64_t size = 0;
    struct image_draft *draft = draft_of_kind(kind);
    write_text(draft, text);
    ck_assert_int_eq(image_draft_finish(&draft, &digest, &size, &fault), ERR_OK);
    ck_assert_ptr_null(draft);
    ck_assert_uint_eq(size, strlen(text));
    return digest;
}

static void claim_stored(const struct sha256 *digest, const char *text)
{
    char got[64] = {0};
    int fd = -1;
    uint64_t size = 0;
    ck_assert_int_eq(image_store_open_image(store, digest, &fd, &size, &fault), ERR_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_int_eq(read(fd, got, sizeof got), (ssize_t)strlen(text));
    ck_assert_str_eq(got, text);
    ck_assert_int_eq(write(fd, "x", 1), -1);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(image_is_stored_under_the_digest_of_its_content)
{
    struct sha256 expected = sha256_of(bytes_of("firmware", 8));
    struct sha256 digest = stored(_i, "firmware");
    ck_assert(sha256_equal(&digest, &expected));
    claim_stored(&digest, "firmware");
    ck_assert_uint_eq(files(), 1);
}
END_TEST

START_TEST(same_content_twice_is_one_file)
{
    struct sha256 one = stored(_i, "firmware");
    struct sha256 two = stored(0, "firmware");
    struct sha256 three = stored(2, "firmware");
    ck_assert(sha256_equal(&one, &two));
    ck_assert(sha256_equal(&one, &three));
    ck_assert_uint_eq(files(), 1);
    claim_stored(&one, "firmware");
}
END_TEST

static void damage(const char *name, const char *text)
{
    int images = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)unlinkat(images, name, 0);
    int fd = openat(images, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(images), 0);
}

START_TEST(same_content_again_brings_a_damaged_file_back)
{
    static const char *const DAMAGES[] = {"firmwarf", "firm", "firmware and more", ""};
    struct sha256 digest = stored(0, "firmware");
    char name[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    for (size_t i = 0; i < sizeof DAMAGES / sizeof DAMAGES[0]; i++) {
        damage(name, DAMAGES[i]);
        (void)stored(_i, "firmware");
        claim_stored(&digest, "firmware");
        ck_assert_uint_eq(files(), 1);
    }
}
END_TEST

START_TEST(link_in_the_place_of_an_image_is_replaced_and_not_followed)
{
    struct sha256 digest = stored(0, "firmware");
    char name[SHA256_HEX_SIZE];
    int images = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    ck_assert_int_eq(renameat(images, name, images, "elsewhere"), 0);
    ck_assert_int_eq(symlinkat("elsewhere", images, name), 0);
    (void)stored(_i, "firmware");
    claim_stored(&digest, "firmware");
    ck_assert_int_eq(close(images), 0);
}
END_TEST

START_TEST(different_contents_are_different_files)
{
    struct sha256 one = stored(_i, "firmware 1");
    struct sha256 two = stored(_i, "firmware 2");
    claim_stored(&one, "firmware 1");
    claim_stored(&two, "firmware 2");
    ck_assert_uint_eq(files(), 2);
}
END_TEST

START_TEST(position_of_the_writer_does_not_matter)
{
    struct sha256 digest;
    uint64_t size = 0;
    struct image_draft *draft = draft_of_kind(_i);
    write_text(draft, "firmware");
    ck_assert_int_eq(lseek(image_draft_fd(draft), 3, SEEK_SET), 3);
    ck_assert_int_eq(image_draft_finish(&draft, &digest, &size, &fault), ERR_OK);
    claim_stored(&digest, "firmware");
}
END_TEST

START_TEST(empty_image_is_refused_and_its_draft_stays)
{
    struct sha256 digest;
    uint64_t size = 0;
    struct image_draft *draft = draft_of_kind(_i);
    ck_assert_int_eq(image_draft_finish(&draft, &digest, &size, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "image-empty");
    ck_assert_ptr_nonnull(draft);
    write_text(draft, "now");
    ck_assert_int_eq(image_draft_finish(&draft, &digest, &size, &fault), ERR_OK);
    claim_stored(&digest, "now");
}
END_TEST

START_TEST(image_beyond_the_limit_is_too_large)
{
    struct sha256 digest;
    uint64_t size = 0;
    struct image_draft *draft = draft_of_kind(_i);
    ck_assert_int_eq(ftruncate(image_draft_fd(draft), (off_t)IMAGE_MAX_BYTES + 1), 0);
    ck_assert_int_eq(image_draft_finish(&draft, &digest, &size, &fault), ERR_TOO_LARGE);
    image_draft_free(draft);
    ck_assert_uint_eq(files(), 0);
}
END_TEST

START_TEST(draft_that_is_thrown_away_leaves_nothing)
{
    struct image_draft *draft = draft_of_kind(_i);
    write_text(draft, "firmware");
    image_draft_free(draft);
    ck_assert_uint_eq(files(), 0);
}
END_TEST

START_TEST(unfinished_draft_is_not_an_image)
{
    struct sha256 digest = sha256_of(bytes_of("firmware", 8));
    int fd = -1;
    uint64_t size = 0;
    struct image_draft *draft = draft_of_kind(_i);
    write_text(draft, "firmware");
    ck_assert_int_eq(image_store_open_image(store, &digest, &fd, &size, &fault), ERR_IMAGE_UNKNOWN);
    image_draft_free(draft);
}
END_TEST

START_TEST(unknown_digest_is_an_unknown_image)
{
    struct sha256 digest = {{0}};
    int fd = -1;
    uint64_t size = 0;
    ck_assert_int_eq(image_store_open_image(store, &digest, &fd, &size, &fault), ERR_IMAGE_UNKNOWN);
    ck_assert_str_eq(fault.reason, "image-not-stored");
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(files_and_folder_are_private)
{
    struct stat info;
    char name[SHA256_HEX_SIZE];
    char file[2 * TEMP_PATH_MAX];
    struct sha256 digest = stored(_i, "firmware");
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    (void)snprintf(file, sizeof file, "%s/%s", path, name);
    ck_assert_int_eq(stat(file, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0700);
}
END_TEST

START_TEST(stored_images_survive_and_stale_drafts_do_not)
{
    struct sha256 digest = stored(0, "firmware");
    char stale[2 * TEMP_PATH_MAX];
    (void)snprintf(stale, sizeof stale, "%s/" IMAGE_DRAFT_PREFIX "00", path);
    ck_assert_int_eq(close(open(stale, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    ck_assert_uint_eq(files(), 2);
    image_store_close(store);
    ck_assert_int_eq(image_store_open(path, &store, &fault), ERR_OK);
    ck_assert_uint_eq(files(), 1);
    claim_stored(&digest, "firmware");
}
END_TEST

START_TEST(folder_that_cannot_be_made_is_an_error_with_its_number)
{
    static const struct {
        const char *path;
        int number;
    } wrong[] = {{"/proc/none/images", ENOENT}, {"/dev/null", ENOTDIR}, {"/dev/null/x", ENOTDIR}};
    struct image_store *none = NULL;
    ck_assert_int_eq(image_store_open(wrong[_i].path, &none, &fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(fault.native, wrong[_i].number);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(link_in_the_place_of_an_image_is_not_followed)
{
    struct sha256 digest = sha256_of(bytes_of("firmware", 8));
    char name[SHA256_HEX_SIZE];
    char file[2 * TEMP_PATH_MAX];
    int fd = -1;
    uint64_t size = 0;
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    (void)snprintf(file, sizeof file, "%s/%s", path, name);
    ck_assert_int_eq(symlink("/etc/passwd", file), 0);
    ck_assert_int_eq(image_store_open_image(store, &digest, &fd, &size, &fault),
                     ERR_LEDGER_UNAVAILABLE);
}
END_TEST

/* The file size limit stands for a full disk: the write fails in the same way. */
START_TEST(writer_that_runs_out_of_room_leaves_nothing_and_the_store_goes_on)
{
    static char block[4096];
    struct rlimit whole;
    struct rlimit small;
    struct image_draft *draft = draft_of_kind(_i);
    ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = whole;
    small.rlim_cur = FILE_LIMIT;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    while (write(image_draft_fd(draft), block, sizeof block) > 0)
        ;
    ck_assert_int_eq(errno, EFBIG);
    image_draft_free(draft);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &whole), 0);
    ck_assert_uint_eq(files(), 0);
    struct sha256 digest = stored(_i, "firmware");
    claim_stored(&digest, "firmware");
}
END_TEST

static void *store_same(void *argument)
{
    for (int i = 0; i < 20; i++)
        *(struct sha256 *)argument = stored(i % 3, "firmware");
    return NULL;
}

/* By the room that the disk really has: what is taken for one image is not there for the next. */
START_TEST(room_is_taken_for_an_image_or_it_is_refused)
{
    struct statvfs disk;
    struct image_draft *draft = draft_of_kind(_i);
    ck_assert_int_eq(statvfs(path, &disk), 0);
    int64_t left = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    ck_assert_int_eq(image_draft_reserve(draft, 4096, left / 2, &fault), ERR_OK);
    ck_assert_int_eq(image_draft_reserve(draft, 4096, INT64_MAX / 2, &fault),
                     ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "disk-nearly-full");
    ck_assert_int_eq(image_draft_reserve(draft, (uint64_t)left * 4, 0, &fault),
                     ERR_LEDGER_UNAVAILABLE);
    image_draft_free(draft);
    ck_assert_uint_eq(files(), 0);
}
END_TEST

START_TEST(threads_store_the_same_content_as_one_file)
{
    pthread_t threads[4];
    struct sha256 digests[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, store_same, &digests[i]), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(files(), 1);
    claim_stored(&digests[0], "firmware");
}
END_TEST

START_TEST(nothing_can_be_closed_and_freed)
{
    image_store_close(NULL);
    image_draft_free(NULL);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_loop_test(all, image_is_stored_under_the_digest_of_its_content, 0, 3);
    tcase_add_loop_test(all, same_content_twice_is_one_file, 0, 3);
    tcase_add_loop_test(all, same_content_again_brings_a_damaged_file_back, 0, 3);
    tcase_add_loop_test(all, link_in_the_place_of_an_image_is_replaced_and_not_followed, 0, 3);
    tcase_add_loop_test(all, different_contents_are_different_files, 0, 3);
    tcase_add_loop_test(all, position_of_the_writer_does_not_matter, 0, 3);
    tcase_add_loop_test(all, empty_image_is_refused_and_its_draft_stays, 0, 3);
    tcase_add_loop_test(all, image_beyond_the_limit_is_too_large, 0, 3);
    tcase_add_loop_test(all, draft_that_is_thrown_away_leaves_nothing, 0, 3);
    tcase_add_loop_test(all, unfinished_draft_is_not_an_image, 0, 3);
    tcase_add_test(all, unknown_digest_is_an_unknown_image);
    tcase_add_loop_test(all, files_and_folder_are_private, 0, 3);
    tcase_add_test(all, stored_images_survive_and_stale_drafts_do_not);
    tcase_add_loop_test(all, folder_that_cannot_be_made_is_an_error_with_its_number, 0, 3);
    tcase_add_test(all, link_in_the_place_of_an_image_is_not_followed);
    tcase_add_loop_test(all, writer_that_runs_out_of_room_leaves_nothing_and_the_store_goes_on, 0,
                        3);
    tcase_add_loop_test(all, room_is_taken_for_an_image_or_it_is_refused, 0, 3);
    tcase_add_test(all, threads_store_the_same_content_as_one_file);
    tcase_add_test(all, nothing_can_be_closed_and_freed);
}

int main(void)
{
    Suite *suite = suite_create("image store");
    TCase *all = tcase_create("store");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
