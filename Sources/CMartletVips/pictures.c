#include "CMartletVips.h"
#include <string.h>
#include <vips/vips.h>

struct martlet_picture {
    VipsImage *image;
};

static char message[1024];

const char *martlet_pictures_message(void) {
    g_strlcpy(message, vips_error_buffer(), sizeof message);
    vips_error_clear();
    return message;
}

int martlet_pictures_start(const char *program) {
    if (VIPS_INIT(program) != 0) {
        return -1;
    }
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_cache_set_max_mem(0);
    vips_cache_set_max_files(0);
    vips_block_untrusted_set(TRUE);
    // Beyond what libvips calls untrusted, everything that isn't one of these.
    vips_operation_block_set("VipsForeignLoad", TRUE);
    static const char *const allowed[] = {
        "VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp", "VipsForeignLoadNsgif",
        "VipsForeignLoadHeif", "VipsForeignLoadTiff", "VipsForeignLoadJxl",
    };
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        vips_operation_block_set(allowed[i], FALSE);
    }
    return 0;
}

int martlet_picture_header(
    const char *path, int *width, int *height, int *orientation, int *pages) {
    VipsImage *image = vips_image_new_from_file(path, "access", VIPS_ACCESS_SEQUENTIAL, NULL);
    if (image == NULL) {
        return -1;
    }
    *width = vips_image_get_width(image);
    *height = vips_image_get_height(image);
    *orientation = vips_image_get_orientation(image);
    *pages = vips_image_get_n_pages(image);
    g_object_unref(image);
    return 0;
}

// Decodes at last: until here libvips only planned. One copy in memory serves both sizes.
static martlet_picture *realise(VipsImage *planned) {
    VipsImage *image = vips_image_copy_memory(planned);
    g_object_unref(planned);
    if (image == NULL) {
        return NULL;
    }
    martlet_picture *picture = g_new0(martlet_picture, 1);
    picture->image = image;
    return picture;
}

// What says nothing of its colours is sRGB. Told to export a profile, libvips would make one for
// each such picture, which takes 20 ms: longer than a small picture's decoding.
static VipsImage *in_srgb(VipsImage *image) {
    VipsImage *converted = NULL;
    int failed = -1;
    if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0) {
        failed = vips_icc_transform(image, &converted, "srgb", "embedded", TRUE, NULL);
        if (failed != 0) {
            vips_error_clear();
        }
    }
    if (failed != 0) {
        failed = vips_colourspace(image, &converted, VIPS_INTERPRETATION_sRGB, NULL);
    }
    g_object_unref(image);
    return failed != 0 ? NULL : converted;
}

martlet_picture *martlet_picture_from_file(const char *path, int box) {
    VipsImage *image = NULL;
    if (vips_thumbnail(
            path, &image, box, "height", box, "size", VIPS_SIZE_DOWN, "fail_on",
            VIPS_FAIL_ON_NONE, NULL)
        != 0) {
        return NULL;
    }
    image = in_srgb(image);
    return image == NULL ? NULL : realise(image);
}

martlet_picture *martlet_picture_from_bytes(
    const void *bytes, size_t count, int box, int orientation) {
    VipsImage *image = NULL;
    if (vips_thumbnail_buffer(
            (void *) bytes, count, &image, box, "height", box, "size", VIPS_SIZE_DOWN, "fail_on",
            VIPS_FAIL_ON_NONE, "no_rotate", orientation != 0, NULL)
        != 0) {
        return NULL;
    }
    image = in_srgb(image);
    if (image == NULL) {
        return NULL;
    }
    if (orientation == 0) {
        return realise(image);
    }
    martlet_picture *picture = realise(image);
    if (picture == NULL) {
        return NULL;
    }
    VipsImage *marked = NULL;
    VipsImage *upright = NULL;
    if (vips_copy(picture->image, &marked, NULL) != 0) {
        martlet_picture_free(picture);
        return NULL;
    }
    vips_image_set_int(marked, VIPS_META_ORIENTATION, orientation);
    int failed = vips_autorot(marked, &upright, NULL);
    g_object_unref(marked);
    martlet_picture_free(picture);
    return failed != 0 ? NULL : realise(upright);
}

martlet_picture *martlet_picture_from_rgb(const void *bytes, int width, int height, int box) {
    VipsImage *image = vips_image_new_from_memory_copy(
        bytes, (size_t) width * height * 3, width, height, 3, VIPS_FORMAT_UCHAR);
    if (image == NULL) {
        return NULL;
    }
    VipsImage *marked = NULL;
    int failed = vips_copy(image, &marked, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
    g_object_unref(image);
    if (failed != 0) {
        return NULL;
    }
    martlet_picture whole = { marked };
    martlet_picture *picture = martlet_picture_shrunk(&whole, box);
    g_object_unref(marked);
    return picture;
}

martlet_picture *martlet_picture_shrunk(martlet_picture *picture, int box) {
    VipsImage *image = NULL;
    if (vips_thumbnail_image(
            picture->image, &image, box, "height", box, "size", VIPS_SIZE_DOWN, NULL)
        != 0) {
        return NULL;
    }
    return realise(image);
}

int martlet_picture_width(const martlet_picture *picture) {
    return vips_image_get_width(picture->image);
}

int martlet_picture_height(const martlet_picture *picture) {
    return vips_image_get_height(picture->image);
}

void martlet_picture_free(martlet_picture *picture) {
    if (picture != NULL) {
        g_object_unref(picture->image);
        g_free(picture);
    }
}

int martlet_picture_webp(martlet_picture *picture, int quality, void **bytes, size_t *count) {
    return vips_webpsave_buffer(
        picture->image, bytes, count, "Q", quality, "effort", 2, "strip", TRUE, NULL);
}

int martlet_picture_rgba(martlet_picture *picture, void **bytes, size_t *count) {
    VipsImage *colour = NULL;
    VipsImage *whole = NULL;
    VipsImage *narrow = NULL;
    int failed = vips_colourspace(picture->image, &colour, VIPS_INTERPRETATION_sRGB, NULL);
    if (failed == 0) {
        failed = vips_image_hasalpha(colour) ? vips_copy(colour, &whole, NULL)
                                             : vips_addalpha(colour, &whole, NULL);
    }
    if (failed == 0) {
        failed = vips_cast_uchar(whole, &narrow, NULL);
    }
    if (failed == 0) {
        *bytes = vips_image_write_to_memory(narrow, count);
        failed = *bytes == NULL ? -1 : 0;
    }
    g_clear_object(&colour);
    g_clear_object(&whole);
    g_clear_object(&narrow);
    return failed;
}

void martlet_bytes_free(void *bytes) { g_free(bytes); }
