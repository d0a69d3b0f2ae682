{# USES_VARIABLES { values, _at, _step, _replicas, _size, _width, _period } #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const int32_t _now = {{_step}}[0]++;
    const int32_t _k = _now % _period, _presentation = _now/_period;
    int32_t* _space = {{get_array_name(space)}};
    const int32_t _codes_each = {{_width}}[0];
    int32_t _n = 0;
    for (int32_t _r = 0; _r < _replicas; _r++) {
        const int32_t* _codes = {{values}} + ((int64_t)_presentation*_replicas + _r)*_codes_each;
        int32_t _c = _k == 0 ? 0 : {{_at}}[_r];
        for (; _c < _codes_each && _codes[_c] < (int64_t)(_k + 1)*_size; _c++)
            _space[_n++] = _r*_size + _codes[_c] - _k*_size;
        {{_at}}[_r] = _c;
    }
    _space[_replicas*_size] = _n;
{% endblock %}
