// What the program knows of the network. `model.cpp` was written for this one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bioconv {

// A file that the network is made of, and its size.
struct File {
    std::string path;
    int64_t bytes;
};

// Memory that changes while the network runs: all of it together is the network's state.
struct Block {
    char* data;
    size_t bytes;
};

// Numbers that every sample leaves behind, one for each neuron of a layer.
struct Reading {
    std::string file;
    std::vector<int64_t> shape;
    char type;         // i: int32, f: float, d: double
    const void* data;  // `size` numbers for every replica; null: zeros
    bool potential;    // written as (value - rest)/distance
    double rest, distance;
};

// The spikes of a layer since they were last taken away.
struct Train {
    std::string file;
    std::vector<int64_t> shape;
    int64_t onset;  // step in which the layer's window begins
    std::vector<int32_t>* neurons;
    std::vector<double>* times;
    int32_t* number;
};

// Where the input of the samples goes: numbers of every replica's neurons, step after step if they
// change; or a list of events, `step*neurons + neuron`, for every replica.
struct Drive {
    std::string name;
    int64_t steps, neurons;
    double* values;    // null for events
    int32_t** events;  // null for numbers
    int32_t* width;    // of a list of events
};

// How raw images become input: see `encoded` of model.cpp.
struct Images {
    std::vector<int64_t> shape;
    int64_t steps;  // 0: one image a sample; else so many
    double low, high, scale;
    std::string refusal;  // why raw images are not taken; empty if they are
};

struct Model {
    int64_t replicas;  // samples that are presented at once
    int64_t steps;     // of a sample
    bool any_steps;    // whether another number may be chosen
    int64_t lag;       // further steps until the last layer's window has ended
    int64_t segment;   // steps after which spikes are taken away at the latest
    double dt;         // seconds
    int32_t seed;
    std::vector<int32_t*> seeds, first_samples;
    std::vector<Block> state;
    std::vector<Reading> readings;
    std::vector<Train> trains;
    std::vector<Drive> drives;
    Images images;
};

std::vector<File> files();
Model model();  // once the network is there
void run(double begin, double seconds);

// Input of a sample from its values over the scale, neurons as the network counts them: an array for every drive.
void encoded(const std::vector<double>& values, std::vector<std::vector<double>>& drives);

// Builds the network and calls `work`, from which no one returns.
int build(int argc, char** argv);
[[noreturn]] void work();

// Shapes of maps are channel, row, column; the network counts row, column, channel.
inline int64_t place(int64_t number, const std::vector<int64_t>& shape)
{
    if (shape.size() != 3) return number;
    const int64_t area = shape[1]*shape[2];
    return number % area*shape[0] + number/area;
}

inline int64_t number(int64_t place, const std::vector<int64_t>& shape)
{
    if (shape.size() != 3) return place;
    return place % shape[0]*shape[1]*shape[2] + place/shape[0];
}

inline int64_t product(const std::vector<int64_t>& shape)
{
    int64_t n = 1;
    for (const int64_t size : shape) n *= size;
    return n;
}

}
