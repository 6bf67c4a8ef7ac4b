// A small instrument for the tests: sixteen sine or saw voices that obey gain, sustain, bend,
// pressure, all sound off and all notes off. A key at frame k sounds from frame k on.

#include <cmath>

#include "DistrhoPlugin.hpp"

START_NAMESPACE_DISTRHO

struct Voice {
    int key = -1;
    bool held = false, sustained = false;
    double phase = 0.0;
    float level = 0.0f, target = 0.0f;
};

class TestSynth : public Plugin {
public:
    TestSynth() : Plugin(2, 0, 0) {}

protected:
    const char* getLabel() const override { return "TestSynth"; }
    const char* getMaker() const override { return "Ripieno"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(1, 0, 0); }
    int64_t getUniqueId() const override { return d_cconst('r', 'S', 'y', 'n'); }

    void initParameter(uint32_t index, Parameter& parameter) override {
        parameter.hints = kParameterIsAutomatable;
        parameter.name = index == 0 ? "Gain" : "Saw";
        parameter.symbol = index == 0 ? "gain" : "saw";
        parameter.ranges.min = 0.0f;
        parameter.ranges.max = 1.0f;
        parameter.ranges.def = index == 0 ? 0.5f : 0.0f;
    }
    float getParameterValue(uint32_t index) const override { return values[index]; }
    void setParameterValue(uint32_t index, float value) override { values[index] = value; }

    void run(const float**, float** outputs, uint32_t frames, const MidiEvent* events,
             uint32_t count) override {
        uint32_t next = 0;
        for (uint32_t frame = 0; frame < frames; ++frame) {
            while (next < count && events[next].frame <= frame)
                receive(events[next++].data);
            outputs[0][frame] = outputs[1][frame] = step();
        }
    }

private:
    void receive(const uint8_t* data) {
        const int kind = data[0] & 0xF0;
        if (kind == 0x90 && data[2] != 0) {
            Voice& voice = voices[turn++ % 16];
            voice = Voice();
            voice.key = data[1];
            voice.held = true;
            voice.target = data[2] / 127.0f;
        } else if (kind == 0x80 || kind == 0x90) {
            for (Voice& voice : voices)
                if (voice.key == data[1] && voice.held) release(voice);
        } else if (kind == 0xE0) {
            bend = ((data[1] | data[2] << 7) - 8192) / 8192.0;
        } else if (kind == 0xD0) {
            pressure = data[1] / 127.0f;
        } else if (kind == 0xB0 && data[1] == 64) {
            pedal = data[2] >= 64;
            for (Voice& voice : voices)
                if (!pedal && voice.sustained) release(voice);
        } else if (kind == 0xB0 && data[1] == 120) {
            for (Voice& voice : voices) voice = Voice();
        } else if (kind == 0xB0 && data[1] == 123) {
            for (Voice& voice : voices)
                if (voice.held) release(voice);
        }
    }

    void release(Voice& voice) {
        voice.held = false;
        voice.sustained = pedal;
        if (!pedal) voice.target = 0.0f;
    }

    float step() {
        float sum = 0.0f;
        for (Voice& voice : voices) {
            if (voice.key < 0) continue;
            voice.level += 0.01f * (voice.target - voice.level);
            if (voice.target == 0.0f && voice.level < 1e-5f) voice = Voice();
            const double hz = 440.0 * std::exp2((voice.key - 69 + 2.0 * bend) / 12.0);
            voice.phase += hz / getSampleRate();
            voice.phase -= std::floor(voice.phase);
            const double sine = std::sin(2.0 * M_PI * voice.phase);
            const double saw = 2.0 * voice.phase - 1.0;
            sum += voice.level * static_cast<float>(sine + values[1] * (saw - sine));
        }
        return 0.5f * values[0] * (1.0f + pressure) * sum;
    }

    float values[2] = {0.5f, 0.0f};
    Voice voices[16];
    unsigned turn = 0;
    bool pedal = false;
    double bend = 0.0;
    float pressure = 0.0f;
};

Plugin* createPlugin() { return new TestSynth(); }

END_NAMESPACE_DISTRHO
