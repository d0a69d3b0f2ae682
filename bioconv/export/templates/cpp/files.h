// Files that are written whole or not at all, .npy files among them; errors are sentences.
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace bioconv {

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail(const std::string& what, const std::string& path)
{
    const std::string why = std::strerror(errno);
    throw Error("cannot " + what + " " + path + ": " + why);
}

[[noreturn]] inline void fail_to_write(const std::string& path)
{
    const std::string why = std::strerror(errno);
    throw Error("cannot write " + path + ": " + why + ". What was done before is kept; make room and add --resume");
}

inline bool exists(const std::string& path)
{
    struct stat about;
    return ::stat(path.c_str(), &about) == 0;
}

inline int64_t size_of(const std::string& path)
{
    struct stat about;
    if (::stat(path.c_str(), &about) != 0) fail("find", path);
    return about.st_size;
}

inline void make_folder(const std::string& path)
{
    if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) fail("make the folder", path);
}

inline std::vector<std::string> names_in(const std::string& folder)
{
    std::vector<std::string> names;
    DIR* open = ::opendir(folder.c_str());
    if (!open) fail("read the folder", folder);
    while (const dirent* entry = ::readdir(open)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(open);
    return names;
}

// An open file; closed when it goes.
class Handle {
public:
    Handle(const std::string& path, int flags) : path(path), fd(::open(path.c_str(), flags, 0666))
    {
        if (fd < 0) {
            if (flags & O_CREAT) fail_to_write(path);
            fail("open", path);
        }
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { ::close(fd); }

    void write(const void* data, size_t bytes, int64_t offset)
    {
        const char* from = (const char*)data;
        while (bytes > 0) {
            const ssize_t done = ::pwrite(fd, from, bytes, offset);
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) fail_to_write(path);
            from += done;
            offset += done;
            bytes -= (size_t)done;
        }
    }
    void read(void* data, size_t bytes, int64_t offset)
    {
        char* to = (char*)data;
        while (bytes > 0) {
            const ssize_t done = ::pread(fd, to, bytes, offset);
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) fail("read", path);
            if (done == 0) throw Error(path + " is shorter than it says; was it copied to its end?");
            to += done;
            offset += done;
            bytes -= (size_t)done;
        }
    }
    void cut(int64_t bytes)
    {
        if (::ftruncate(fd, bytes) != 0) fail_to_write(path);
    }
    void sync()
    {
        if (::fsync(fd) != 0) fail_to_write(path);
    }

    const std::string path;
    const int fd;
};

// A text that takes its name only when it is complete.
inline void write_text(const std::string& path, const std::string& text)
{
    const std::string part = path + ".part";
    {
        Handle file(part, O_CREAT | O_TRUNC | O_WRONLY);
        file.write(text.data(), text.size(), 0);
        file.sync();
    }
    if (::rename(part.c_str(), path.c_str()) != 0) fail_to_write(path);
}

inline std::string read_text(const std::string& path)
{
    std::string text((size_t)size_of(path), ' ');
    Handle(path, O_RDONLY).read(&text[0], text.size(), 0);
    return text;
}

// A number that other contents would not have: FNV-1a over words, of `bytes` from `begin` on.
inline uint64_t stamp(Handle& file, int64_t begin, int64_t bytes, uint64_t from)
{
    std::vector<uint64_t> words(8192);
    for (int64_t at = begin; at < begin + bytes;) {
        const int64_t size = (int64_t)(8*words.size()), part = begin + bytes - at < size ? begin + bytes - at : size;
        words[(size_t)(part - 1)/8] = 0;
        file.read(words.data(), (size_t)part, at);
        for (size_t k = 0; k < (size_t)(part + 7)/8; k++) {
            from = (from ^ words[k])*1099511628211ULL;
            from ^= from >> 32;
        }
        at += part;
    }
    return from;
}

// An .npy file that grows by rows; its number of rows is written at the end.
class Rows {
public:
    static const int64_t HEADER = 256;

    Rows(const std::string& path, const std::string& type, const std::vector<int64_t>& shape)
        : handle(path, O_CREAT | O_RDWR), type(type), shape(shape), bytes(size(type)*product(shape))
    {
    }
    void write(const void* rows, int64_t from, int64_t n)
    {
        handle.write(rows, (size_t)(n*bytes), HEADER + from*bytes);
    }
    // The first `n` rows are all there are.
    void finish(int64_t n)
    {
        std::string text = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + std::to_string(n) + ",";
        for (const int64_t length : shape) text += " " + std::to_string(length) + ",";
        text += "), }";
        text.resize(HEADER - 10, ' ');
        text.back() = '\n';
        const unsigned char begin[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (HEADER - 10) & 255, (HEADER - 10) >> 8};
        handle.cut(HEADER + n*bytes);
        handle.write(begin, 10, 0);
        handle.write(text.data(), text.size(), 10);
    }
    void sync() { handle.sync(); }

private:
    static int64_t size(const std::string& type) { return std::stoll(type.substr(2)); }
    static int64_t product(const std::vector<int64_t>& shape)
    {
        int64_t n = 1;
        for (const int64_t length : shape) n *= length;
        return n;
    }

    Handle handle;
    const std::string type;
    const std::vector<int64_t> shape;
    const int64_t bytes;
};

}
