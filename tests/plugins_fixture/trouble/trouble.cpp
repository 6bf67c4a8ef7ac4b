// An effect for the tests that goes wrong when told: its parameter Crash ends the process, Spin
// never returns, Gain is what a good effect would have. Built with CRASH_ON_LOAD or HANG_ON_LOAD it
// ends or keeps whoever loads it. It delays by DELAY frames, and says so.

#include <cstdlib>
#include <cstring>

#include "DistrhoPlugin.hpp"

#ifndef DELAY
#define DELAY 0
#endif

START_NAMESPACE_DISTRHO

class Trouble : public Plugin {
public:
    Trouble() : Plugin(3, 0, 0) {
#ifdef CRASH_ON_LOAD
        std::abort();
#endif
#ifdef HANG_ON_LOAD
        for (volatile bool for_ever = true; for_ever;) {
        }
#endif
        setLatency(DELAY);
    }

protected:
    const char* getLabel() const override { return "Trouble"; }
    const char* getMaker() const override { return "Ripieno"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(1, 0, 0); }
    int64_t getUniqueId() const override { return d_cconst('r', 'T', 'r', 'b'); }

    void initParameter(uint32_t index, Parameter& parameter) override {
        static const char* const names[] = {"Gain", "Crash", "Spin"};
        parameter.hints = kParameterIsAutomatable;
        parameter.name = parameter.symbol = names[index];
        parameter.ranges.min = 0.0f;
        parameter.ranges.max = 1.0f;
        parameter.ranges.def = index == 0 ? 1.0f : 0.0f;
    }
    float getParameterValue(uint32_t index) const override { return values[index]; }
    void setParameterValue(uint32_t index, float value) override { values[index] = value; }

    void run(const float** inputs, float** outputs, uint32_t frames) override {
        if (values[1] > 0.5f) std::abort();
        while (values[2] > 0.5f) {
        }
        for (uint32_t frame = 0; frame < frames; ++frame) {
            for (int side = 0; side < 2; ++side) {
                line[side][at % (DELAY + 1)] = inputs[side][frame];
                outputs[side][frame] = values[0] * line[side][(at + 1) % (DELAY + 1)];
            }
            ++at;
        }
    }

private:
    volatile float values[3] = {1.0f, 0.0f, 0.0f};
    float line[2][DELAY + 1] = {};
    unsigned at = 0;
};

Plugin* createPlugin() { return new Trouble(); }

END_NAMESPACE_DISTRHO
