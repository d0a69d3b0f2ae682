// Samples in chunks: shown, written, and gone on with where a run was cut off.
//
// A chunk is a folder named by its first sample. While it is unfinished the name ends in `.part`, and
// `state.bin` holds the network's memory at some step; a run that goes on from there computes what it
// would have computed without a break, bit for bit, for nothing else changes from step to step.
#pragma once
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>

#include "options.h"
#include "stimulus.h"

namespace bioconv {

using Time = std::chrono::steady_clock;

inline double since(Time::time_point begin)
{
    return std::chrono::duration<double>(Time::now() - begin).count();
}

// What the processes of a run share.
struct Shared {
    std::atomic<int64_t> next;     // chunk
    std::atomic<int64_t> samples;  // that are finished
    std::atomic<int64_t> moments;  // finished steps of samples
    std::atomic<int64_t> earlier;  // of those, what an earlier run had done
};

struct Job {
    Options options;
    int64_t samples, steps, chunk;
    int64_t parent;  // process without which this one stops; 0: none

    int64_t chunks() const { return (samples + chunk - 1)/chunk; }
};

extern volatile std::sig_atomic_t interrupted;

class Worker {
public:
    Worker(const Job& job, const Model& model, Stimulus& stimulus, Shared& shared)
        : job(job), model(model), stimulus(stimulus), shared(shared), total(job.steps + model.lag)
    {
        for (const Block& block : model.state) pristine.insert(pristine.end(), block.data, block.data + block.bytes);
    }

    // Chunks until there are none left, or until the run is interrupted.
    void work()
    {
        for (int64_t n = shared.next++; n < job.chunks() && !stopped(); n = shared.next++) {
            const int64_t start = n*job.chunk, count = std::min(job.chunk, job.samples - start);
            const std::string done = job.options.out + "/" + padded(start + job.options.first);
            if (exists(done)) {
                shared.samples += count;
                shared.moments += count*total;
                shared.earlier += count*total;
            } else {
                present(done, start, count);
            }
        }
    }

private:
    bool stopped() const { return interrupted || (job.parent && ::getppid() != job.parent); }

    static std::string padded(int64_t number)
    {
        const std::string digits = std::to_string(number);
        return std::string(10 - digits.size(), '0') + digits;
    }

    void present(const std::string& done, int64_t start, int64_t count)
    {
        const std::string part = done + ".part";
        make_folder(part);
        open(part);
        int64_t round = 0, step = 0;
        load(part, round, step);
        saved = Time::now();
        const int64_t rounds = (count + model.replicas - 1)/model.replicas;
        for (; round < rounds; round++, step = 0) {
            if (!show(part, start, count, round, step)) return;
            collect(round, std::min(model.replicas, count - round*model.replicas));
        }
        for (const auto& file : readings) {
            file->finish(count);
            file->sync();
        }
        for (size_t n = 0; n < trains.size(); n++) {
            trains[n]->finish(lengths[n]);
            trains[n]->sync();
        }
        ::unlink((part + "/state.bin").c_str());
        if (::rename(part.c_str(), done.c_str()) != 0) fail_to_write(done);
    }

    // The samples of a round from `step` on; false if it was interrupted.
    bool show(const std::string& part, int64_t start, int64_t count, int64_t round, int64_t step)
    {
        const int64_t first = start + round*model.replicas, n = std::min(model.replicas, count - round*model.replicas);
        const int64_t number = job.options.first + first;
        if (step == 0) restore(pristine);
        for (int32_t* first_sample : model.first_samples) *first_sample = (int32_t)number;
        stimulus.show(number, n);
        shared.moments += n*step;
        shared.earlier += n*step;
        while (step < total) {
            const int64_t steps = std::min(segment, total - step);
            const Time::time_point begin = Time::now();
            run((double)step*model.dt, (double)steps*model.dt);
            step += steps;
            shared.moments += n*steps;
            take_spikes(start + round*model.replicas, n);
            adapt(steps, since(begin));
            if (stopped() || since(saved) > (double)job.options.checkpoint) save(part, round, step);
            if (stopped()) return false;
        }
        shared.samples += n;
        return true;
    }

    // Half a second or so between looks at the clock, and no more spikes in memory than there is room for.
    void adapt(int64_t steps, double seconds)
    {
        if (seconds > 1 && segment > 1) segment = std::max<int64_t>(1, segment/2);
        if (seconds < 0.25 && steps == segment) segment = std::min(model.segment, segment*2);
    }

    void open(const std::string& part)
    {
        readings.clear();
        trains.clear();
        for (const Reading& reading : model.readings) {
            const char* types[] = {"<i4", "<f4", "<f8"};
            const char* type = types[reading.type == 'i' ? 0 : reading.type == 'f' ? 1 : 2];
            readings.emplace_back(new Rows(part + "/" + reading.file + ".npy", type, reading.shape));
        }
        for (const Train& train : model.trains)
            trains.emplace_back(new Rows(part + "/" + train.file + ".npy", "<i4", {3}));
        lengths.assign(model.trains.size(), 0);
    }

    // Spikes of the last steps, appended as (sample, neuron, step); samples are counted from the run's first.
    void take_spikes(int64_t first, int64_t n)
    {
        std::vector<int32_t> rows;
        for (size_t k = 0; k < model.trains.size(); k++) {
            const Train& train = model.trains[k];
            const int64_t size = product(train.shape);
            rows.clear();
            for (size_t s = 0; s < train.neurons->size(); s++) {
                const int64_t neuron = (*train.neurons)[s], replica = neuron/size;
                if (replica >= n) continue;
                rows.push_back((int32_t)(first + replica));
                rows.push_back((int32_t)number(neuron % size, train.shape));
                rows.push_back((int32_t)((int64_t)std::llround((*train.times)[s]/model.dt) - train.onset));
            }
            train.neurons->clear();
            train.times->clear();
            *train.number = 0;
            trains[k]->write(rows.data(), lengths[k], (int64_t)rows.size()/3);
            lengths[k] += (int64_t)rows.size()/3;
        }
    }

    // What the samples of a round left behind.
    void collect(int64_t round, int64_t n)
    {
        for (size_t k = 0; k < model.readings.size(); k++) {
            const Reading& reading = model.readings[k];
            if (reading.type == 'i')
                collect<int32_t>(*readings[k], reading, round, n);
            else if (reading.type == 'f')
                collect<float>(*readings[k], reading, round, n);
            else
                collect<double>(*readings[k], reading, round, n);
        }
    }

    template <typename T>
    void collect(Rows& file, const Reading& reading, int64_t round, int64_t n)
    {
        const int64_t size = product(reading.shape);
        const T rest = (T)reading.rest, distance = (T)reading.distance;
        std::vector<T> rows((size_t)(n*size), 0);
        for (int64_t replica = 0; replica < n && reading.data; replica++)
            for (int64_t k = 0; k < size; k++) {
                const T value = ((const T*)reading.data)[replica*size + place(k, reading.shape)];
                rows[(size_t)(replica*size + k)] = reading.potential ? (value - rest)/distance : value;
            }
        file.write(rows.data(), round*model.replicas, n);
    }

    void restore(const std::vector<char>& from)
    {
        const char* at = from.data();
        for (const Block& block : model.state) {
            std::memcpy(block.data, at, block.bytes);
            at += block.bytes;
        }
    }

    // Round and step, the lengths of the files of spikes, and the network's memory.
    void save(const std::string& part, int64_t round, int64_t step)
    {
        for (const auto& file : readings) file->sync();
        for (const auto& file : trains) file->sync();
        std::vector<int64_t> head = {(int64_t)pristine.size(), (int64_t)lengths.size(), round, step};
        head.insert(head.end(), lengths.begin(), lengths.end());
        const std::string path = part + "/state.bin", fresh = path + ".part";
        {
            Handle file(fresh, O_CREAT | O_TRUNC | O_WRONLY);
            int64_t at = (int64_t)(8*head.size());
            file.write(head.data(), (size_t)at, 0);
            for (const Block& block : model.state) {
                file.write(block.data, block.bytes, at);
                at += (int64_t)block.bytes;
            }
            file.sync();
        }
        if (::rename(fresh.c_str(), path.c_str()) != 0) fail_to_write(path);
        saved = Time::now();
    }

    void load(const std::string& part, int64_t& round, int64_t& step)
    {
        const std::string path = part + "/state.bin";
        if (!exists(path)) return;
        std::vector<int64_t> head(4 + lengths.size());
        std::vector<char> memory(pristine.size());
        if (size_of(path) != (int64_t)(8*head.size() + memory.size()))
            throw Error(path + " is of another network or damaged; delete the folder " + part + " to begin those samples again");
        Handle file(path, O_RDONLY);
        file.read(head.data(), 8*head.size(), 0);
        file.read(memory.data(), memory.size(), (int64_t)(8*head.size()));
        round = head[2];
        step = head[3];
        lengths.assign(head.begin() + 4, head.end());
        restore(memory);
        shared.samples += round*model.replicas;
        shared.moments += round*model.replicas*total;
        shared.earlier += round*model.replicas*total;
    }

    const Job& job;
    const Model& model;
    Stimulus& stimulus;
    Shared& shared;
    const int64_t total;  // steps until the last layer's window has ended
    int64_t segment = 1;
    std::vector<char> pristine;
    std::vector<std::unique_ptr<Rows>> readings, trains;
    std::vector<int64_t> lengths;
    Time::time_point saved;
};

}
