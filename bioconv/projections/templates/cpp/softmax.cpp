{# USES_VARIABLES { N, softmax } #}
{# ITERATE_ALL { _idx } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% include 'softmax.h' %}
{% endblock %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _idx = 0; _idx < N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
    bioconv::softmax({{softmax}}, {% if top is none %}nullptr{% else %}(char*){{get_array_name(top)}}{% endif %}, {{replicas}}, N/{{replicas}});
{% endblock %}
