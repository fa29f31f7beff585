/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See sfi.h. Owns no state. */
#include "sfi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

const uint8_t SFI_KEY[ST_SFI_KEY_BYTES] = "0123456789abcde";
/* Its last bytes overflow: the IV is one number of 96 bits. */
const uint8_t SFI_NONCE[ST_SFI_NONCE_BYTES] = {1, 2, 3, 4, 5, 6, 7, 0xff, 0xff, 0xff, 0xff, 0xfe};

int sfi_file(struct bytes content)
{
    int fd = memfd_create("sfi", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (size_t done = 0; done < content.length;) {
        ssize_t n = write(fd, content.data + done, content.length - done);
        ck_assert_int_gt(n, 0);
        done += (size_t)n;
    }
    return fd;
}

struct st_sfi_text sfi_read(int fd)
{
    struct stat info;
    ck_assert_int_eq(fstat(fd, &info), 0);
    struct st_sfi_text text = {malloc((size_t)info.st_size + 1), (size_t)info.st_size};
    for (size_t done = 0; done < text.length;) {
        ssize_t n = pread(fd, text.data + done, text.length - done, (off_t)done);
        ck_assert_int_gt(n, 0);
        done += (size_t)n;
    }
    return text;
}

void sfi_add(struct st_sfi_plan *plan, enum st_sfi_type type, uint64_t address,
             struct bytes content)
{
    struct fault fault = {0};
    enum error code =
        st_sfi_plan_add(plan, &(struct st_sfi_segment){type, address, content}, &fault);
    ck_assert_msg(code == ERR_OK, "%s", fault.reason);
}

struct st_sfi_text sfi_records(const struct st_sfi_plan *plan)
{
    struct fault fault = {0};
    int fd = sfi_file(bytes_of(NULL, 0));
    ck_assert_int_eq(st_sfi_plan_write(plan, fd, &fault), ERR_OK);
    struct st_sfi_text records = sfi_read(fd);
    (void)close(fd);
    return records;
}

struct st_sfi_text sfi_image(const struct st_sfi_plan *plan)
{
    struct st_sfi_text records = sfi_records(plan);
    struct st_sfi_text image =
        st_sfi_encrypt_records(bytes_of(records.data, records.length), SFI_KEY, SFI_NONCE);
    free(records.data);
    return image;
}

enum error sfi_check(struct bytes image, struct st_sfi_summary *ret_summary, struct fault *fault)
{
    int fd = sfi_file(image);
    enum error code = st_sfi_check(fd, image.length, ret_summary, fault);
    (void)close(fd);
    return code;
}

/* ---- by hand ---- */

static uint8_t *put(uint8_t *out, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    return out + size;
}

static uint8_t *put_area(uint8_t *out, const struct sfi_area *area, size_t index, size_t count)
{
    *out++ = area->type;
    *out++ = area->version != 0 ? area->version : 1;
    out = put(out, 2, area->index != 0 ? area->index : index);
    out = put(out, 4, area->size);
    out = put(out, 4, area->address);
    out = put(out, 2, area->total != 0 ? area->total : count);
    return out + ST_SFI_TAG_BYTES + area->size;
}

struct st_sfi_text sfi_build(const struct sfi_area *areas, size_t count)
{
    struct st_sfi_text image = {NULL, ST_SFI_HEADER_BYTES};
    for (size_t i = 0; i < count; i++)
        image.length += ST_SFI_AREA_HEADER_BYTES + (size_t)areas[i].size;
    image.data = calloc(1, image.length);
    uint8_t *out = mempcpy(image.data, "SFIMAGIC\1", 10);
    out = put(out, 2, count) + ST_SFI_TAG_BYTES;
    for (size_t i = 0; i < count; i++)
        out = put_area(out, &areas[i], i + 1, count);
    return image;
}
