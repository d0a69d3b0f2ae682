// The command `run`: reads the command line, shares the samples out, tells how far it is.
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <cstdlib>
#include <iostream>
#include <new>

#include "chunks.h"

namespace bioconv {

volatile std::sig_atomic_t interrupted = 0;

static Options options;
static std::string home, begun;  // folder of the program, folder in which it was started

static void on_signal(int number)
{
    if (interrupted) ::_exit(128 + number);  // asked for twice: at once
    interrupted = 1;
}

static int failed(const std::string& message)
{
    std::cerr << "run: error: " << message << std::endl;
    return 1;
}

static std::string absolute(const std::string& path)
{
    return path.empty() || path[0] == '/' ? path : begun + "/" + path;
}

static std::string folder_of(const char* name)
{
    char path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
    const std::string full = length > 0 ? std::string(path, (size_t)length) : absolute(name);
    return full.substr(0, full.rfind('/'));
}

// Whether all files of the network are there, before anything is read.
static void check_files()
{
    for (const File& file : files()) {
        const std::string path = home + "/" + file.path;
        if (!exists(path)) throw Error(path + " is missing; copy the whole project");
        if (size_of(path) != file.bytes)
            throw Error(path + " has " + std::to_string(size_of(path)) + " bytes; it must have " + std::to_string(file.bytes));
    }
}

// Of all that the network is made of: whether it is the one that a run was begun with.
static uint64_t stamped()
{
    uint64_t found = 0;
    for (const File& file : files()) {
        Handle open(home + "/" + file.path, O_RDONLY);
        found = stamp(open, 0, file.bytes, found + 1);
    }
    return found;
}

static std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

// What a run computes; one that goes on must compute the same.
static std::string described(const Job& job, const Model& model, Stimulus& stimulus)
{
    const std::string path = job.options.stimulus;
    const auto line = [](const std::string& key, const std::string& value) { return "  " + quoted(key) + ": " + value; };
    return "{\n" + line("network", quoted(std::to_string(stamped()))) + ",\n"
           + line("stimulus", quoted(path.substr(path.rfind('/') + 1))) + ",\n"
           + line("stamp", quoted(std::to_string(stimulus.stamped()))) + ",\n" + line("holds", quoted(stimulus.descr)) + ",\n"
           + line("of", std::to_string(stimulus.samples)) + ",\n" + line("first_sample", std::to_string(job.options.first)) + ",\n"
           + line("samples", std::to_string(job.samples)) + ",\n" + line("steps", std::to_string(job.steps)) + ",\n"
           + line("seed", std::to_string(job.options.seed < 0 ? model.seed : job.options.seed)) + ",\n"
           + line("chunk", std::to_string(job.chunk)) + "\n}\n";
}

// The first line in which two texts differ, from both.
static std::string difference(const std::string& before, const std::string& now)
{
    size_t at = 0;
    while (at < before.size() && at < now.size() && before[at] == now[at]) at++;
    const auto line = [at](const std::string& text) {
        const size_t from = text.rfind('\n', at ? at - 1 : 0), begin = from == std::string::npos ? 0 : from + 1;
        const std::string found = text.substr(begin, text.find('\n', begin) - begin);
        const size_t first = found.find_first_not_of(' '), last = found.find_last_not_of(", ");
        return first == std::string::npos || last < first ? found : found.substr(first, last + 1 - first);
    };
    return line(before) + " before, " + line(now) + " now";
}

static void prepare(const Job& job, const std::string& about)
{
    const std::string &out = job.options.out, path = out + "/run.json";
    bool there = false, foreign = false;
    if (exists(out))
        for (const std::string& name : names_in(out)) {
            there = true;
            foreign = foreign || (name.compare(0, 8, "run.json") != 0 && name.compare(0, 10, "model.json") != 0);
        }
    if (there && !job.options.resume) throw Error(out + " is not empty; add --resume to go on, or choose another folder");
    make_folder(out);
    if (exists(path)) {
        const std::string before = read_text(path);
        if (before != about) throw Error(out + " holds another run: " + difference(before, about) + ". Choose another folder");
    } else if (foreign) {
        throw Error(out + " is no folder of results: " + path + " is missing. Choose another folder");
    } else {
        write_text(out + "/model.json", read_text(home + "/model.json"));
        write_text(path, about);
    }
}

static Job job_of(const Model& model, const Stimulus& stimulus)
{
    Job job;
    job.options = options;
    job.parent = 0;
    if (options.steps >= 0 && options.steps != model.steps && !model.any_steps)
        throw Error("--steps is " + std::to_string(options.steps) + "; this network was exported for " + std::to_string(model.steps)
                    + " steps, and its code depends on it");
    job.steps = options.steps < 0 ? model.steps : options.steps;
    if (options.first >= stimulus.samples)
        throw Error("--first-sample is " + std::to_string(options.first) + "; the stimulus has " + std::to_string(stimulus.samples));
    const int64_t left = stimulus.samples - options.first;
    if (options.samples > left)
        throw Error("--samples is " + std::to_string(options.samples) + "; the stimulus has " + std::to_string(left) + " from the first");
    job.samples = options.samples < 0 ? left : options.samples;
    const int64_t wanted = options.chunk < 0 ? 10*model.replicas : options.chunk;
    job.chunk = (wanted + model.replicas - 1)/model.replicas*model.replicas;
    return job;
}

// Says how far the run is, seldom enough.
class Progress {
public:
    Progress(const Job& job, const Shared& shared, int64_t total)
        : job(job), shared(shared), moments((double)job.samples*(double)total), begin(Time::now()), terminal(::isatty(2))
    {
    }
    void show(bool last)
    {
        const double now = since(begin);
        if (!last && now - shown < (terminal ? 0.5 : 10)) return;
        shown = now;
        const double part = moments > 0 ? (double)shared.moments/moments : 1, before = (double)shared.earlier/moments;
        char text[160];
        const int length = std::snprintf(text, sizeof text, "%lld of %lld samples, %.1f %%, %.0f s", (long long)shared.samples,
                                         (long long)job.samples, 100*part, now);
        std::string line(text, (size_t)length);
        if (!last && part > before) {
            std::snprintf(text, sizeof text, ", about %.0f s left", now*(1 - part)/(part - before));
            line += text;
        }
        if (terminal) line = "\r" + line + "   ";
        std::cerr << line << (terminal && !last ? "" : "\n") << std::flush;
    }

private:
    const Job& job;
    const Shared& shared;
    const double moments;
    const Time::time_point begin;
    const bool terminal;
    double shown = -1e9;
};

// One process of several, which tells by its exit status how it ended.
static void child(Job job, const Model& model, Shared& shared, int64_t parent)
{
    ::setpgid(0, 0);  // Ctrl-C is for the parent, which passes it on
    job.parent = parent;
    int status = 0;
    try {
        Stimulus stimulus(job.options.stimulus, model);
        Worker(job, model, stimulus, shared).work();
    } catch (const std::bad_alloc&) {
        status = failed("out of memory");
    } catch (const std::exception& error) {
        status = failed(error.what());
    }
    ::_exit(status);
}

// Starts the processes and waits for them; false if one failed.
static bool shared_out(const Job& job, const Model& model, Shared& shared, Progress& progress)
{
    std::vector<pid_t> children;
    const int64_t parent = ::getpid();
    bool good = true, told = false;
    for (int64_t n = 0; n < std::min(job.options.processes, job.chunks()); n++) {
        const pid_t pid = ::fork();
        if (pid == 0) child(job, model, shared, parent);
        if (pid < 0) {
            failed(std::string("cannot start a process: ") + std::strerror(errno));
            good = false;
            break;
        }
        children.push_back(pid);
    }
    size_t left = children.size();
    while (left > 0) {
        int status = 0;
        for (const pid_t pid : children)
            if (::waitpid(pid, &status, WNOHANG) == pid) {
                left--;
                if (WIFSIGNALED(status)) failed("a process was killed by signal " + std::to_string(WTERMSIG(status)) + "; add --resume to go on");
                good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
            }
        if ((interrupted || !good) && !told) {
            told = true;
            for (const pid_t pid : children) ::kill(pid, SIGINT);
        }
        progress.show(false);
        ::usleep(50000);
    }
    return good;
}

// The same in this process, with another that tells how far it is.
static void alone(const Job& job, const Model& model, Stimulus& stimulus, Shared& shared, Progress& progress,
                  const Handle& lock)
{
    const pid_t parent = ::getpid();
    const pid_t teller = ::fork();
    if (teller == 0) {
        ::close(lock.fd);  // it writes nothing
        ::setpgid(0, 0);
        ::signal(SIGINT, SIG_DFL);
        ::signal(SIGTERM, SIG_DFL);
        for (; ::getppid() == parent; ::usleep(100000)) progress.show(false);
        ::_exit(0);
    }
    const auto end = [teller] {
        if (teller <= 0) return;
        ::kill(teller, SIGKILL);
        ::waitpid(teller, nullptr, 0);
    };
    try {
        Worker(job, model, stimulus, shared).work();
    } catch (...) {
        end();
        throw;
    }
    end();
}

static int simulated()
{
    const Model network = model();
    if (options.seed >= 0)
        for (int32_t* seed : network.seeds) *seed = (int32_t)options.seed;
    Stimulus stimulus(options.stimulus, network);
    const Job job = job_of(network, stimulus);
    prepare(job, described(job, network, stimulus));
    Handle lock(options.out + "/run.json", O_RDONLY);
    if (::flock(lock.fd, LOCK_EX | LOCK_NB) != 0) throw Error("another run is writing to " + options.out);
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw Error("no memory for the processes to share");
    Shared& shared = *new (memory) Shared{{0}, {0}, {0}, {0}};
    Progress progress(job, shared, job.steps + network.lag);
    ::signal(SIGINT, on_signal);
    ::signal(SIGTERM, on_signal);
    ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like any other
    if (job.options.processes > 1) {
        if (!shared_out(job, network, shared, progress)) return 1;
    } else {
        alone(job, network, stimulus, shared, progress, lock);
    }
    progress.show(true);
    if (interrupted && shared.samples < job.samples) {
        std::cerr << "run: interrupted; what is done is kept in " << options.out << ", add --resume to go on" << std::endl;
        return 130;
    }
    return 0;
}

void work()
{
    int status = 1;
    try {
        status = simulated();
    } catch (const std::bad_alloc&) {
        failed("out of memory");
    } catch (const std::exception& error) {
        failed(error.what());
    }
    std::cerr << std::flush;
    ::_exit(status);
}

static int started(int argc, char** argv)
{
    char path[4096];
    begun = ::getcwd(path, sizeof path) ? path : ".";
    home = folder_of(argv[0]);
    options = parsed(argc, argv);
    if (options.help) {
        std::cout << usage() << "\n" << read_text(home + "/model.txt");
        return 0;
    }
    options.stimulus = absolute(options.stimulus);
    options.out = absolute(options.out);
    check_files();
    if (::chdir(home.c_str()) != 0) fail("enter", home);
    return build(argc, argv);
}

}

int main(int argc, char** argv)
{
    try {
        return bioconv::started(argc, argv);
    } catch (const std::bad_alloc&) {
        return bioconv::failed("out of memory");
    } catch (const std::exception& error) {
        return bioconv::failed(error.what());
    }
}
