{# USES_VARIABLES { spikes, n_samples, steps, begin, replica, _shown, _since, _now, _next, _done, _replicas, _outputs, _limit } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
#include <vector>
#include "network.h"
{% include 'feeding.h' %}
{% endblock %}
{% block maincode %}
    const int32_t _step = {{_now}}[0]++;
    static std::vector<int32_t> _fresh;
    _fresh.clear();
    for (int32_t _r = 0; _r < _replicas; _r++) {
        const int32_t _sample = {{_shown}}[_r], _passed = _step - {{_since}}[_r];
        if (_sample >= 0
            && (_passed == _limit
                || bioconv::{{kind}}({{get_array_name(output)}} + _r*_outputs, _outputs) >= {{spikes}}[0])) {
            {% for one in kept %}
            std::copy_n({{get_array_name(one.source)}} + (int64_t)_r*{{one.size}}, {{one.size}},
                        {{get_array_name(one.target)}} + (int64_t)_sample*{{one.size}});
            {% endfor %}
            {{steps}}[_sample] = _passed;
            {{_shown}}[_r] = -1;
            {{_done}}[0]++;
        }
        if ({{_shown}}[_r] < 0 && {{_next}}[0] < {{n_samples}}[0]) {
            const int32_t _new = {{_next}}[0]++;
            {{_shown}}[_r] = _new;
            {{_since}}[_r] = {{begin}}[_new] = _step;
            {{replica}}[_new] = _r;
            _fresh.push_back(_r);
        }
    }
    if ({{_done}}[0] == {{n_samples}}[0]) {
        for (int32_t _r = 0; _r < _replicas; _r++)
            _fresh.push_back(_r);
        Network::_globally_stopped = true;
    }
    {% for one in stages %}
    {
        int32_t* _space = {{get_array_name(one.space)}};
        int32_t _n = 0;
        for (const int32_t _r : _fresh) {
            for (int32_t _i = _r*{{one.size}}; _i < (_r + 1)*{{one.size}}; _i++)
                _space[_n++] = _i;
            {% for name, variable in one.given %}
            std::fill_n({{get_array_name(variable)}} + (int64_t)_r*{{one.size}}, {{one.size}}, std::max({{get_array_name(arrays[name])}}[_r], 0));
            {% endfor %}
        }
        _space[_replicas*{{one.size}}] = _n;
        for (int32_t _r = 0; _r < _replicas; _r++)
            if ({{_shown}}[_r] < 0)
                std::fill_n({{get_array_name(one.silenced)}} + (int64_t)_r*{{one.size}}, {{one.size}},
                            {{'NAN' if one.silence != one.silence else one.silence}});
    }
    {% endfor %}
{% endblock %}
