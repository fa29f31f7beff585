/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The rig-chip program as a child, and its files. One bench per test. */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#define ANSWER_TIMEOUT_MS 20000
#define WORDS_MAX         20
#define RECORD_BYTES      4132 /* of the file "state" */
#define RECORD_OPTIONS    16
#define RECORD_TAG        4112

/* ---- the program ---- */

static const char *program(void)
{
    static char path[512];
    const char *folder = getenv("PROVISIOND_BIN");
    ck_assert_msg(folder != NULL, "PROVISIOND_BIN is not set");
    (void)snprintf(path, sizeof path, "%s/rig-chip", folder);
    return path;
}

static pid_t spawn(const char *const *words, int out)
{
    char *argv[WORDS_MAX] = {(char[]){"rig-chip"}};
    const char *path = program();
    for (size_t i = 0; words[i] != NULL; i++) {
        ck_assert_uint_lt(i + 2, WORDS_MAX);
        argv[i + 1] = (char *)words[i];
    }
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)dup2(out, STDOUT_FILENO);
        (void)execv(path, argv);
        _exit(127);
    }
    return pid;
}

int bench_run(const struct bench *bench, const char *const *words)
{
    char path[TEMP_PATH_MAX];
    int status = 0;
    temp_dir_path(&bench->temp, "out", path);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(out, 0);
    pid_t pid = spawn(words, out);
    (void)close(out);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void bench_power(struct bench *bench, const char *option, const char *value)
{
    int ends[2];
    const char *const words[] = {"run",         "--state", bench->chip, "--socket",
                                 bench->socket, option,    value,       NULL};
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    bench->pid = spawn(words, ends[1]);
    (void)close(ends[1]);
    bench->out = fdopen(ends[0], "r");
    ck_assert_ptr_nonnull(bench->out);
}

const char *bench_expect_line(struct bench *bench, const char *word)
{
    static char line[256];
    while (fgets(line, sizeof line, bench->out) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0)
            return line;
    }
    return NULL;
}

void bench_start(struct bench *bench, const char *option, const char *value)
{
    bench_power(bench, option, value);
    ck_assert_ptr_nonnull(bench_expect_line(bench, "ready "));
    bench_connect(bench);
}

static int reap(struct bench *bench)
{
    int status = 0;
    bench_disconnect(bench);
    ck_assert_int_eq(waitpid(bench->pid, &status, 0), bench->pid);
    bench->pid = 0;
    (void)fclose(bench->out);
    bench->out = NULL;
    return status;
}

unsigned long bench_stop(struct bench *bench)
{
    unsigned long steps = 0;
    ck_assert_int_eq(kill(bench->pid, SIGTERM), 0);
    for (const char *line; (line = bench_expect_line(bench, "steps ")) != NULL;)
        steps = strtoul(line + strlen("steps "), NULL, 10);
    int status = reap(bench);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    return steps;
}

void bench_wait_for_cut(struct bench *bench)
{
    int status = reap(bench);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x",
                  (unsigned)status);
}

/* ---- files ---- */

size_t bench_read_file(const struct bench *bench, const char *name, uint8_t *out, size_t max)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&bench->temp, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s", path);
    ssize_t length = read(fd, out, max);
    ck_assert_int_ge(length, 0);
    (void)close(fd);
    return (size_t)length;
}

static void write_file(const struct bench *bench, const char *name, struct bytes data)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&bench->temp, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data.data, data.length), (ssize_t)data.length);
    (void)close(fd);
}

static const uint8_t *erased(void)
{
    static uint8_t memory[CHIP_MEMORY_BYTES];
    if (memory[0] != 0xff)
        memset(memory, 0xff, sizeof memory);
    return memory;
}

static const uint8_t *memory_of(const struct bench *bench, const char *name)
{
    static uint8_t memory[CHIP_MEMORY_BYTES];
    ck_assert_uint_eq(bench_read_file(bench, name, memory, sizeof memory), sizeof memory);
    return memory;
}

bool bench_is_erased(const struct bench *bench)
{
    return memcmp(memory_of(bench, "chip/flash.bin"), erased(), CHIP_MEMORY_BYTES) == 0 &&
           memcmp(memory_of(bench, "chip/external.bin"), erased(), CHIP_MEMORY_BYTES) == 0;
}

void bench_renew(struct bench *bench)
{
    uint8_t record[RECORD_BYTES];
    ck_assert_uint_eq(bench_read_file(bench, "new", record, sizeof record), sizeof record);
    write_file(bench, "chip/state", bytes_of(record, sizeof record));
    write_file(bench, "chip/flash.bin", bytes_of(erased(), CHIP_MEMORY_BYTES));
    write_file(bench, "chip/external.bin", bytes_of(erased(), CHIP_MEMORY_BYTES));
}

enum chip_phase bench_phase(const struct bench *bench)
{
    uint8_t record[RECORD_BYTES];
    ck_assert_uint_eq(bench_read_file(bench, "chip/state", record, sizeof record), sizeof record);
    return (enum chip_phase)record[8];
}

/* ---- life ---- */

static void make_chip(struct bench *bench)
{
    char st_ca[TEMP_PATH_MAX];
    char ca[TEMP_PATH_MAX];
    char ca_key[TEMP_PATH_MAX];
    temp_dir_path(&bench->temp, "st.key", st_ca);
    temp_dir_path(&bench->temp, "ca.pem", ca);
    temp_dir_path(&bench->temp, "ca.key", ca_key);
    pki_write_key(bench->st_ca, st_ca);
    pki_write_certificate(bench->x509_ca, ca);
    pki_write_key(bench->x509_ca, ca_key);
    const char *const words[] = {
        "make",         "--state",        bench->chip, "--st-ca", st_ca,
        "--product-id", BENCH_PRODUCT_ID, "--x509-ca", ca,        "--x509-ca-key",
        ca_key,         "--serial",       "SN-1",      NULL};
    ck_assert_int_eq(bench_run(bench, words), 0);
}

void bench_set_up(struct bench *bench)
{
    uint8_t record[RECORD_BYTES];
    *bench = (struct bench){.link = -1};
    temp_dir_make(&bench->temp);
    temp_dir_path(&bench->temp, "chip", bench->chip);
    temp_dir_path(&bench->temp, "socket", bench->socket);
    bench->st_ca = pki_root("ST");
    bench->x509_ca = pki_root("Maker");
    make_chip(bench);
    ck_assert_uint_eq(bench_read_file(bench, "chip/state", record, sizeof record), sizeof record);
    write_file(bench, "new", bytes_of(record, sizeof record));
    ck_assert_uint_eq(bench_read_file(bench, "chip/certificate.bin", bench->certificate,
                                      sizeof bench->certificate),
                      CHIP_CERTIFICATE_BYTES);
}

void bench_tear_down(struct bench *bench)
{
    if (bench->pid > 0) {
        (void)kill(bench->pid, SIGKILL);
        (void)reap(bench);
    }
    pki_free(bench->st_ca);
    pki_free(bench->x509_ca);
    temp_dir_remove(&bench->temp);
}

/* ---- the programmer ---- */

void bench_connect(struct bench *bench)
{
    bench_disconnect(bench);
    ck_assert_int_eq(chip_link_connect(bench->socket, &bench->link), ERR_OK);
}

void bench_disconnect(struct bench *bench)
{
    if (bench->link >= 0)
        (void)close(bench->link);
    bench->link = -1;
}

int bench_ask(struct bench *bench, enum chip_command command, struct bytes payload,
              struct chip_frame *ret_reply)
{
    enum error e =
        chip_link_request(bench->link, command, payload, deadline_in(ANSWER_TIMEOUT_MS), ret_reply);
    if (e == ERR_LINK_CLOSED)
        return BENCH_LOST;
    ck_assert_msg(e == ERR_OK, "command %d: %s", command, error_name(e));
    return ret_reply->code == CHIP_ACK ? 0 : chip_link_refusal(ret_reply).error;
}

int bench_tell(struct bench *bench, enum chip_command command, struct bytes payload)
{
    struct chip_frame reply;
    return bench_ask(bench, command, payload, &reply);
}

struct chip_frame bench_status(struct bench *bench)
{
    struct chip_frame reply;
    ck_assert_int_eq(bench_ask(bench, CHIP_STATUS, bytes_of(NULL, 0), &reply), 0);
    ck_assert_uint_eq(reply.length, CHIP_STATUS_BYTES);
    return reply;
}

int bench_read(struct bench *bench, uint32_t address, uint16_t length, struct chip_frame *ret_reply)
{
    uint8_t request[CHIP_READ_REQUEST_BYTES];
    chip_put_u32(request, address);
    chip_put_u16(request + 4, length);
    return bench_ask(bench, CHIP_READ, bytes_of(request, sizeof request), ret_reply);
}

int bench_send_content(struct bench *bench, enum chip_command command, struct bytes content)
{
    int answer = 0;
    while (answer == 0 && content.length > 0) {
        size_t length =
            content.length < CHIP_PAYLOAD_MAX_BYTES ? content.length : CHIP_PAYLOAD_MAX_BYTES;
        answer = bench_tell(bench, command, bytes_of(content.data, length));
        content = bytes_of(content.data + length, content.length - length);
    }
    return answer;
}

int bench_send_area(struct bench *bench, const struct sfi_part *part)
{
    int answer = bench_tell(bench, CHIP_AREA, bytes_of(part->header, sizeof part->header));
    return answer != 0 ? answer
                       : bench_send_content(bench, CHIP_DATA, bytes_of(part->content, part->size));
}

int bench_install(struct bench *bench, const uint8_t license[CHIP_LICENSE_BYTES],
                  const struct sfi_image *image)
{
    int answer = bench_tell(bench, CHIP_LICENSE, bytes_of(license, CHIP_LICENSE_BYTES));
    if (answer == 0)
        answer = bench_tell(bench, CHIP_HEADER, bytes_of(image->header, CHIP_HEADER_BYTES));
    for (size_t i = 0; i < image->count && answer == 0; i++)
        answer = bench_send_area(bench, &image->parts[i]);
    return answer;
}

void bench_expect_nothing_to_read(struct bench *bench)
{
    static const uint32_t starts[] = {CHIP_FLASH_ADDRESS, CHIP_EXTERNAL_ADDRESS};
    for (uint32_t at = 0; at < 2 * CHIP_MEMORY_BYTES; at += CHIP_PAYLOAD_MAX_BYTES) {
        struct chip_frame reply;
        uint32_t address = starts[at / CHIP_MEMORY_BYTES] + at % CHIP_MEMORY_BYTES;
        ck_assert_int_eq(bench_read(bench, address, CHIP_PAYLOAD_MAX_BYTES, &reply), 0);
        ck_assert_uint_eq(reply.length, CHIP_PAYLOAD_MAX_BYTES);
        ck_assert_msg(memcmp(reply.payload, erased(), reply.length) == 0, "bytes at %x", address);
    }
}

/* ---- a firmware ---- */

static struct sfi_area firmware_area(struct firmware *firmware, size_t i)
{
    uint32_t n = (uint32_t)i;
    if (i == 16)
        return (struct sfi_area){.type = 'P'};
    if (i == 17)
        return (struct sfi_area){.type = 'R'};
    if (i == FIRMWARE_AREAS - 1)
        return (struct sfi_area){.type = 'C', .size = 40, .content = firmware->content[i]};
    if (i > 17)
        return (struct sfi_area){'E', CHIP_EXTERNAL_ADDRESS + 0x40000 + n * 512, 512,
                                 firmware->content[i]};
    return (struct sfi_area){'F', CHIP_FLASH_ADDRESS + n * 0x8010, i % 2 ? 272 : 512,
                             firmware->content[i]};
}

void firmware_make(struct firmware *firmware)
{
    random_fill(firmware->content, sizeof firmware->content);
    for (size_t i = 0; i < FIRMWARE_AREAS; i++)
        firmware->areas[i] = firmware_area(firmware, i);
}

static void expect_memory(const struct bench *bench, const struct firmware *firmware, char type)
{
    static uint8_t wanted[CHIP_MEMORY_BYTES];
    uint32_t start = type == 'F' ? CHIP_FLASH_ADDRESS : CHIP_EXTERNAL_ADDRESS;
    memset(wanted, 0xff, sizeof wanted);
    for (size_t i = 0; i < FIRMWARE_AREAS; i++) {
        const struct sfi_area *area = &firmware->areas[i];
        if (area->type == type)
            memcpy(wanted + (area->address - start), area->content, area->size);
    }
    const char *name = type == 'F' ? "chip/flash.bin" : "chip/external.bin";
    ck_assert_int_eq(memcmp(memory_of(bench, name), wanted, sizeof wanted), 0);
}

void firmware_expect_installed(const struct bench *bench, const struct firmware *firmware,
                               const struct sfi_image *image)
{
    uint8_t record[RECORD_BYTES];
    const struct sfi_area *options = &firmware->areas[FIRMWARE_AREAS - 1];
    expect_memory(bench, firmware, 'F');
    expect_memory(bench, firmware, 'E');
    ck_assert_uint_eq(bench_read_file(bench, "chip/state", record, sizeof record), sizeof record);
    ck_assert_uint_eq(record[8], CHIP_CLOSED);
    ck_assert_uint_eq(chip_get_u32(record + 12), options->size);
    ck_assert_mem_eq(record + RECORD_OPTIONS, options->content, options->size);
    ck_assert_mem_eq(record + RECORD_TAG, image->header + 12, CHIP_TAG_BYTES);
}
