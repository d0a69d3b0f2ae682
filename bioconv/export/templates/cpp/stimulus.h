// The file of samples: what bioconv's `model.write_stimulus` wrote, or images as an .npy file.
#pragma once
#include <algorithm>
#include <cmath>
#include <memory>

#include "files.h"
#include "model.h"

namespace bioconv {

// What an .npy file says of itself.
struct Header {
    std::string descr;  // without blanks
    bool fortran;
    std::vector<int64_t> shape;
    int64_t begin;  // of the numbers
};

inline std::string after(const std::string& text, const std::string& key, const std::string& path)
{
    const size_t at = text.find(key);
    if (at == std::string::npos) throw Error(path + " is no .npy file: its header lacks " + key);
    return text.substr(at + key.size());
}

inline Header header_of(Handle& file, int64_t size)
{
    unsigned char begin[12] = {0};
    if (size < 12) throw Error(file.path + " is no .npy file: it has " + std::to_string(size) + " bytes");
    file.read(begin, 12, 0);
    if (std::memcmp(begin, "\x93NUMPY", 6) != 0) throw Error(file.path + " is no .npy file");
    const bool old = begin[6] == 1;
    int64_t length = begin[8] + 256*begin[9];
    if (!old) length += 65536*(int64_t)begin[10] + 16777216*(int64_t)begin[11];
    Header found;
    found.begin = (old ? 10 : 12) + length;
    if (found.begin > size) throw Error(file.path + " is no .npy file: its header is cut off");
    std::string text((size_t)length, ' ');
    file.read(&text[0], text.size(), found.begin - length);
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    const std::string type = after(text, "'descr':", file.path);
    found.descr = type.substr(0, type.find(type[0] == '[' ? "]" : ",") + (type[0] == '[' ? 1 : 0));
    found.fortran = after(text, "'fortran_order':", file.path)[0] == 'T';
    const std::string shape = after(text, "'shape':(", file.path);
    for (size_t at = 0; at < shape.size() && shape[at] != ')'; at++) {
        if (shape[at] < '0' || shape[at] > '9') continue;
        size_t used = 0;
        try {
            found.shape.push_back(std::stoll(shape.substr(at), &used));
        } catch (const std::exception&) {
            throw Error(file.path + " is no .npy file: a length in its shape is too large");
        }
        at += used - 1;
    }
    if (found.shape.empty()) throw Error(file.path + " holds one number, no samples");
    return found;
}

inline std::string shown(const std::vector<int64_t>& shape)
{
    std::string text = "(";
    for (const int64_t length : shape) text += std::to_string(length) + ", ";
    return text + ")";
}

// Reads samples one after another; only those that are asked for are in memory.
class Stimulus {
public:
    Stimulus(const std::string& path, const Model& model) : model(model), file(path, O_RDONLY)
    {
        const int64_t size = size_of(path);
        const Header header = header_of(file, size);
        begin = header.begin;
        samples = header.shape[0];
        if (header.fortran) throw Error(path + " is in Fortran order; save it by numpy.ascontiguousarray");
        if (header.descr[0] == '[')
            take_drives(header);
        else
            take_images(header);
        // not samples*record: a header may claim any number
        if (record <= 0 || samples > (size - begin)/record)
            throw Error(path + " has " + std::to_string(size) + " bytes, too few for " + std::to_string(samples)
                        + " samples of " + std::to_string(record) + ". Was it copied to its end?");
    }

    // Of its size, its begin and its end: whether it is the file that it was.
    uint64_t stamped()
    {
        const int64_t size = size_of(file.path), part = std::min<int64_t>(size, 1 << 20);
        return stamp(file, size - part, part, stamp(file, 0, part, (uint64_t)size));
    }

    // The input of `n` samples from `first` on; silence for the other replicas.
    void show(int64_t first, int64_t n)
    {
        for (const Drive& drive : model.drives) {
            if (drive.events) {
                make_room(drive);
                std::fill_n(*drive.events, model.replicas*width, INT32_MAX);
            } else {
                std::fill_n(drive.values, drive.steps*model.replicas*drive.neurons, 0.0);
            }
        }
        std::vector<char> bytes((size_t)record);
        for (int64_t replica = 0; replica < n; replica++) {
            file.read(bytes.data(), bytes.size(), begin + (first + replica)*record);
            if (type)
                show_image(bytes.data(), replica, first + replica);
            else
                show_drives(bytes.data(), replica);
        }
    }

    int64_t samples;
    std::string descr;

private:
    void take_drives(const Header& header)
    {
        std::string wanted = "[";
        for (const Drive& drive : model.drives) {
            if (drive.events) {
                width = events_of(header.descr, drive.name);
                record += 4*width;
                wanted += "('" + drive.name + "','<i4',(" + std::to_string(width) + ",)),";
            } else {
                const int64_t numbers = drive.steps*drive.neurons;
                record += 8*numbers;
                wanted += "('" + drive.name + "','<f8',(" + std::to_string(numbers) + ",)),";
            }
        }
        wanted.back() = ']';
        descr = header.descr;
        if (descr != wanted || header.shape.size() != 1)
            throw Error(file.path + " was written for another network: it holds " + descr + ", this one takes " + wanted);
    }

    // Places for events of a sample; 1 if the file is another's.
    static int64_t events_of(const std::string& descr, const std::string& name)
    {
        const std::string begin = "[('" + name + "','<i4',(";
        const int64_t found = descr.compare(0, begin.size(), begin) == 0 ? std::atoll(descr.c_str() + begin.size()) : 1;
        return found > 0 && found < INT32_MAX ? found : 1;
    }

    void take_images(const Header& header)
    {
        if (!model.images.refusal.empty()) throw Error(file.path + ": " + model.images.refusal);
        const char* known[] = {"'<f8'", "'<f4'", "'|u1'"};
        for (const char* one : known)
            if (header.descr == one) type = one[2] == 'f' ? one[3] : 'u';
        if (!type) throw Error(file.path + " holds " + header.descr + "; images are '<f8', '<f4' or '|u1' (bytes, 255 is 1)");
        std::vector<int64_t> wanted = model.images.shape;
        if (model.images.steps) wanted.insert(wanted.begin(), model.images.steps);
        if (std::vector<int64_t>(header.shape.begin() + 1, header.shape.end()) != wanted)
            throw Error(file.path + " has shape " + shown(header.shape) + "; samples of this network have " + shown(wanted));
        record = product(wanted)*(type == '8' ? 8 : type == '4' ? 4 : 1);
        descr = header.descr;
    }

    void make_room(const Drive& drive)
    {
        if (room == width) return;
        delete[] *drive.events;
        *drive.events = new int32_t[(size_t)(model.replicas*width)];
        *drive.width = (int32_t)width;
        room = width;
    }

    void show_drives(const char* from, int64_t replica)
    {
        for (const Drive& drive : model.drives) {
            if (drive.events) {
                std::memcpy(*drive.events + replica*width, from, (size_t)(4*width));
                from += 4*width;
                continue;
            }
            for (int64_t step = 0; step < drive.steps; step++) {
                std::memcpy(drive.values + (step*model.replicas + replica)*drive.neurons, from, (size_t)(8*drive.neurons));
                from += 8*drive.neurons;
            }
        }
    }

    void show_image(const char* from, int64_t replica, int64_t sample)
    {
        const Images& images = model.images;
        const int64_t n = product(images.shape);
        std::vector<double> values((size_t)n);
        for (int64_t step = 0; step < std::max<int64_t>(1, images.steps); step++) {
            for (int64_t k = 0; k < n; k++) {
                const double value = at(from, step*n + k);
                if (!(value >= images.low - 1e-9 && value <= images.high + 1e-9) || !std::isfinite(value))
                    throw Error(file.path + ": sample " + std::to_string(sample) + " holds " + std::to_string(value)
                                + "; the network takes values from " + std::to_string(images.low) + " to "
                                + std::to_string(images.high));
                values[(size_t)place(k, images.shape)] = value/images.scale;
            }
            encoded(values, inputs);
            for (size_t d = 0; d < model.drives.size(); d++) {
                const Drive& drive = model.drives[d];
                std::copy(inputs[d].begin(), inputs[d].end(), drive.values + (step*model.replicas + replica)*drive.neurons);
            }
        }
    }

    double at(const char* from, int64_t k) const
    {
        if (type == 'u') return ((const unsigned char*)from)[k]/255.0;
        if (type == '8') {
            double value;
            std::memcpy(&value, from + 8*k, 8);
            return value;
        }
        float value;
        std::memcpy(&value, from + 4*k, 4);
        return value;
    }

    const Model& model;
    Handle file;
    int64_t begin = 0, record = 0, width = 0, room = -1;
    char type = 0;  // of images: 8, 4 or u; 0: what bioconv wrote
    std::vector<std::vector<double>> inputs;
};

}
