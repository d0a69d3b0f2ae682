// The command line.
#pragma once
#include <cstdlib>
#include <limits>

#include "files.h"
#include "model.h"

namespace bioconv {

struct Options {
    std::string stimulus, out;
    bool resume = false, help = false;
    int64_t first = 0;
    int64_t samples = -1;  // all
    int64_t steps = -1;    // of the network
    int64_t seed = -1;     // of the network
    int64_t processes = 1;
    int64_t chunk = -1;    // by the batch
    int64_t checkpoint = 30;
};

inline std::string usage()
{
    return "usage: run STIMULUS --out FOLDER [options]\n"
           "\n"
           "Shows samples to the network and writes what it answers.\n"
           "\n"
           "  STIMULUS            a file that model.write_stimulus(file, images) of bioconv wrote, or images as\n"
           "                      .npy: (samples, *shape) of float64, float32 or bytes\n"
           "  --out FOLDER        for the results; a new folder, unless --resume is given\n"
           "  --resume            go on where a run into that folder was cut off\n"
           "  --first-sample N    the first sample of the file to be shown (0); random numbers are those of its number\n"
           "  --samples N         how many are shown (all)\n"
           "  --steps N           steps of a sample\n"
           "  --seed N            of the random numbers\n"
           "  --processes N       samples are shared out among so many processes (1)\n"
           "  --chunk N           samples that are written together\n"
           "  --checkpoint N      seconds after which an unfinished sample is kept, too (30)\n"
           "  --help              this text, and what the network is\n"
           "\n"
           "Progress goes to stderr. Ctrl-C keeps what is done, the step of an unfinished sample included.\n"
           "Exit status: 0 all done, 1 an error, 130 interrupted.\n";
}

inline int64_t whole(const std::string& name, const std::string& text, int64_t least, int64_t most)
{
    size_t used = 0;
    int64_t number = least - 1;
    try {
        number = std::stoll(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used != text.size() || text.empty() || number < least || number > most)
        throw Error(name + " is " + text + "; give a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return number;
}

inline Options parsed(int argc, char** argv)
{
    struct Number {
        const char* name;
        int64_t* value;
        int64_t least, most;
    };
    Options options;
    const int64_t large = std::numeric_limits<int32_t>::max();
    const Number numbers[] = {
        {"--first-sample", &options.first, 0, large}, {"--samples", &options.samples, 1, large},
        {"--steps", &options.steps, 1, (1 << 30) - 1}, {"--seed", &options.seed, 0, large},
        {"--processes", &options.processes, 1, 4096}, {"--chunk", &options.chunk, 1, large},
        {"--checkpoint", &options.checkpoint, 0, large},
    };
    for (int n = 1; n < argc; n++) {
        const std::string word = argv[n];
        const Number* number = nullptr;
        for (const Number& one : numbers)
            if (word == one.name) number = &one;
        const bool takes = number || word == "--out";
        if (takes && n + 1 == argc) throw Error(word + " needs a value; see --help");
        if (number)
            *number->value = whole(word, argv[++n], number->least, number->most);
        else if (word == "--out")
            options.out = argv[++n];
        else if (word == "--resume")
            options.resume = true;
        else if (word == "--help" || word == "-h")
            options.help = true;
        else if (word[0] == '-' || !options.stimulus.empty())
            throw Error("unknown argument " + word + "; see --help");
        else
            options.stimulus = word;
    }
    if (options.help) return options;
    if (options.stimulus.empty()) throw Error("there is no stimulus file; see --help");
    if (options.out.empty()) throw Error("there is no --out FOLDER; see --help");
    return options;
}

}
