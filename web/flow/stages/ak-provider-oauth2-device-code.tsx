import { Field, useFieldState } from '../parts/field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'

/** Asks for the code that a device shows. */
export function DeviceCodeStage() {
  const { t } = useStage()
  const { control } = useFieldState('code', true)
  return (
    <StageForm>
      <Field name="code" label={t('device_code')} hint={t('device_code_why')}>
        <input {...control} class="input" type="text" inputMode="numeric" autoComplete="off" autoFocus required maxLength={16} />
      </Field>
      <SubmitButton label={t('continue')} />
    </StageForm>
  )
}
